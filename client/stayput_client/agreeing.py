"""Settling what a comparison needs with the platform and the provider's node, before anything is asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.conversation import Signer
from stayput_client.faults import ClientFault
from stayput_client.held_grants import Use, chosen_grant, opened_grant
from stayput_client.home import Home
from stayput_client.models.grants import Grant
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import Mode
from stayput_client.nodes import Node
from stayput_client.oblivious import forget_fingerprints
from stayput_client.platform import Comparator
from stayput_client.question import Question
from stayput_client.session import Agreed, Request
from stayput_client.spread import Spread


@dataclass(frozen=True, slots=True)
class Department:
    """Who asks: its home, its code, the key that it signs with, and the clock (aware) that judges grants."""

    home: Home
    code: str
    signer: Signer
    clock: Callable[[], datetime]


class Agreeing:
    """Agrees on comparisons for a department; `node` gives the node of a catalogue entry."""

    def __init__(
        self,
        department: Department,
        comparator: Comparator,
        node: Callable[[Resource], Node],
    ) -> None:
        self._department = department
        self._comparator = comparator
        self._node = node

    async def agree(self, request: Request) -> Agreed:
        """What the session needs; a refusal that this side can foresee is raised here, before any ticket."""
        department = self._department
        entry = await self._comparator.resource(request.resource)
        spread = Spread(self._node(entry), entry, department.home, request.mode)
        description = await spread.begin()
        _require_offered(request, description)
        now = department.clock()
        question = Question(description.contract, request.key, request.checks, now.astimezone().date())
        settings = department.home.settings()
        operator = (request.operator or settings.operator).strip()
        if not operator:
            raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "operator_missing", field="operator")
        case_number = request.case_number.strip()
        held = await self.grants({entry.node_id: entry.signing_key})
        if request.mode is Mode.OBLIVIOUS:
            await asyncio.to_thread(forget_fingerprints, department.home, held, entry.node_id)
        use = Use(
            resource=request.resource,
            key=request.key,
            checks=question.checks,
            mode=request.mode,
            granularity=request.granularity,
            operator=operator,
            case_number=case_number,
            at=now,
        )
        grant = chosen_grant(held, use, request.grant)
        return Agreed(
            comparator=self._comparator,
            spread=spread,
            consumer=department.code,
            signer=department.signer,
            description=description,
            question=question,
            granularity=request.granularity,
            grant=grant,
            operator=operator,
            purpose=(request.purpose or settings.purpose or grant.purpose).strip(),
            case_number=case_number,
        )

    async def grants(self, signing_keys: Mapping[str, bytes]) -> list[Grant]:
        """The department's grants, newest first, verified with the keys of nodes given by their ids."""
        now = self._department.clock()
        return [opened_grant(one, signing_keys, now) async for one in self._comparator.grants()]


def _require_offered(request: Request, description: Description) -> None:
    # No grant for it can exist, so nobody should be sent to apply for one.
    for name, wanted, offered in (
        ("mode", request.mode.name, [one.name for one in description.modes]),
        ("granularity", request.granularity.name, [one.name for one in description.granularities]),
    ):
        if wanted not in offered:
            raise ClientFault(
                ErrorReason.ERROR_REASON_FIELD_INVALID,
                "not_offered",
                field=name,
                wanted=wanted.lower(),
                offered=", ".join(offered).lower(),
            )
