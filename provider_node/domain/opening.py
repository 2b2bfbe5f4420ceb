"""What an admitted request opens: the session of its mode and granularity, against what serves."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from provider_node.domain.accounts import Clock
from provider_node.domain.admitted_draft import admitted_draft
from provider_node.domain.answering import Answering
from provider_node.domain.by_record import ByRecord, chunk_records
from provider_node.domain.comparison import Comparison
from provider_node.domain.counting import Counting
from provider_node.domain.desk import Admitted
from provider_node.domain.evaluation import Evaluation
from provider_node.domain.fetch import Fetch
from provider_node.domain.identity import NodeNames
from provider_node.domain.oblivious import Elements, chunk_elements
from provider_node.domain.oblivious_counts import EvaluatingTotal
from provider_node.domain.oblivious_records import EvaluatingRecords
from provider_node.domain.serving import Serving
from provider_node.domain.session import Terms
from provider_node.domain.signatory import Signatory
from stayput import requests, sealing
from stayput.contract import require_same
from stayput.errors import StayputError, field_invalid
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Limits
from stayput.v1.comparison_pb2 import FetchFingerprintsRequest, SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt

LONGEST_SESSION: Final = timedelta(hours=1)
"""A ticket is asked for at the beginning only: a session must not keep a revoked grant alive for long."""
_SESSION_ID_BYTES: Final = 16


@dataclass(frozen=True)
class Opening:
    """A session that was asked for and is admitted, at `now`, by the node of these names."""

    names: NodeNames
    asked: SessionOpen
    admitted: Admitted
    serving: Serving
    now: datetime
    clock: Clock

    def __post_init__(self) -> None:
        """Raises what is wrong with the contract, and with what is asked beside what is offered."""
        require_same(self.serving.contract, self.asked.contract)
        if self.asked.granularity not in self.serving.granularities:
            raise field_invalid("granularity", "the resource does not offer it", "see `Describe`")
        if self.asked.mode == Mode.MODE_OBLIVIOUS:
            _check_epoch(self.asked, self.serving)

    def comparison(self) -> Comparison:
        """In keyed mode. Raises `FIELD_INVALID`, `SEALING_KEY_UNKNOWN` or `SEAL_INVALID`."""
        checks = len(self.asked.checks)
        matcher = self.serving.matcher(self.asked.key, self.asked.checks)
        draft = self._draft()
        answering: Answering
        if self.asked.granularity == Granularity.GRANULARITY_COUNT:
            answering = Counting(matcher, self.limits, checks, self.admitted.admission.grant.id)
        else:
            answering = ByRecord(matcher, self.limits, checks)
        terms = self._terms(chunk_records(checks))
        return Comparison(self.admitted.account, self.clock, draft, terms, self._keys(), answering)

    def evaluation(self, turns: asyncio.Semaphore) -> Evaluation:
        """In oblivious mode; `turns` are those of all such sessions. Raises as `comparison`."""
        asked, checks = self.asked, len(self.asked.checks)
        elements = Elements(
            self.serving.evaluator(asked.key, asked.checks, asked.granularity), self.limits, 1 + checks
        )
        by_record = asked.granularity == Granularity.GRANULARITY_RECORD
        evaluating = EvaluatingRecords(elements) if by_record else EvaluatingTotal(elements)
        terms = self._terms(chunk_elements(checks))
        account, draft = self.admitted.account, self._draft()
        return Evaluation(account, self.clock, draft, terms, self._keys(), evaluating, turns)

    def fetch(self, request: FetchFingerprintsRequest) -> Fetch:
        """Of fingerprints. Raises as `comparison`, `GENERATION_CHANGED` and `REQUEST_STATEMENT_INVALID`."""
        if request.generation != self.serving.generation:
            raise StayputError(
                ErrorReason.ERROR_REASON_GENERATION_CHANGED,
                "generation: another one serves by now",
                field="generation",
                remedy="call Describe again, and fetch the fingerprints of the generation that serves",
                details={"expected": self.serving.generation},
            )
        asked, checks = self.asked, len(self.asked.checks)
        evaluator = self.serving.evaluator(asked.key, asked.checks, asked.granularity)
        sets = [evaluator.fingerprints(column) for column in range(1 + checks)]
        terms = self._terms(chunk_elements(checks))
        account, draft = self.admitted.account, self._draft()
        return Fetch(account, self.clock, draft, terms, self._keys(), sets, request)

    @cached_property
    def limits(self) -> Limits:
        """The grant's, complete."""
        return complete(self.admitted.admission.grant.limits, DEFAULTS)

    def _terms(self, most: int) -> Terms:
        ticket = self.admitted.admission.ticket
        return Terms(
            limits=self.limits,
            until=min(self.now + LONGEST_SESSION, self.admitted.admission.until),
            signatory=Signatory(ticket.signing_key, requests.session_key_hash(self.asked.sealed_session_key)),
            chunk_records=most,
        )

    def _keys(self) -> sealing.Session:
        key = self.names.sealing_keys.accepted(self.asked.sealing_key_id, self.now)
        if key is None:
            raise StayputError(
                ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN,
                "the session key was sealed to a key that this node does not hold",
                field="sealing_key_id",
                remedy="call Describe again",
            )
        info = sealing.session_info(self.asked)
        return sealing.Session(key.open_session_key(self.asked.sealed_session_key, info))

    def _draft(self) -> Receipt:
        draft = admitted_draft(self.asked, self.admitted.admission, self.names)
        draft.session_id = secrets.token_bytes(_SESSION_ID_BYTES)
        draft.generation = self.serving.generation
        draft.as_of.FromDatetime(self.serving.as_of)
        draft.started_at.FromDatetime(self.now)
        return draft


def _check_epoch(asked: SessionOpen, serving: Serving) -> None:
    """Raises `FIELD_INVALID` if the mode is not offered, `SUITE_UNSUPPORTED` and `KEY_EPOCH_MISMATCH`."""
    if serving.offer is None:
        raise field_invalid("mode", "the resource does not offer oblivious mode", "see `Describe`")
    for name, expected, reason in (
        ("oblivious_suite", serving.offer.suite, ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED),
        ("key_epoch", serving.offer.key_epoch, ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH),
    ):
        if getattr(asked, name) != expected:
            raise StayputError(
                reason,
                f"{name}: is not that of the generation that serves",
                field=name,
                remedy="call Describe again",
                details={"expected": expected},
            )
