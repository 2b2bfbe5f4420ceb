"""Standing policies: applications for unconditional resources are granted without a person.

That is for keyed mode, in whichever granularity the resource offers: totals tell less than the outcomes that
the same policy would grant. In oblivious mode fingerprints leave the node and its guards see nothing, so
there an administrator decides.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from provider_node.config import StandingPolicy
from provider_node.domain.decisions import UNDECIDED, Decisions
from provider_node.domain.policy import GrantPolicy
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Application
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.contract_pb2 import Mode
from stayput.v1.errors_pb2 import ErrorReason

ADMINISTRATOR: Final = "standing policy"
"""Who decided, where nobody did (Application.decided_by)."""

_log = structlog.get_logger(__name__)


class StandingPolicies:
    """Grants what arrives for resources that have a standing policy, one application after the other."""

    def __init__(self, policies: Mapping[str, GrantPolicy], decisions: Decisions) -> None:
        self._policies = policies
        self._decisions = decisions
        self._arrived: asyncio.Queue[tuple[Application, StandingPolicy]] = asyncio.Queue()
        self._complained: set[tuple[str, str]] = set()

    def consider(self, application: Application) -> None:
        """Takes an application that the platform has sent; a decided one changes nothing."""
        policy = self._policies.get(application.resource)
        if policy is None or policy.standing is None or application.mode != Mode.MODE_KEYED:
            return
        if application.state in UNDECIDED:
            self._arrived.put_nowait((application, policy.standing))

    async def run(self) -> None:
        """Grants until cancelled.

        What cannot be granted is logged, once for each reason. The platform sends it again when the node
        connects the next time; until then an administrator can decide.
        """
        while True:
            application, policy = await self._arrived.get()
            try:
                await self._grant(application, policy)
            except StayputError as error:
                self._complain(application.id, error)

    def _complain(self, application_id: str, error: StayputError) -> None:
        complaint = (application_id, error.reason_name)
        # Decided means that the platform sent it twice, or that an administrator was first.
        if error.reason == ErrorReason.ERROR_REASON_APPLICATION_DECIDED or complaint in self._complained:
            return
        self._complained.add(complaint)
        _log.warning(
            "not granted by standing policy",
            application=application_id,
            reason=error.reason_name,
            remedy=error.remedy,
        )

    async def _grant(self, application: Application, policy: StandingPolicy) -> None:
        grant = await self._decisions.approve(
            ApproveRequest(
                application_id=application.id,
                valid_days=policy.valid_days,
                case_number_required=policy.case_number_required,
                administrator=ADMINISTRATOR,
                # Of effect only where the node demands no agreement at all.
                without_agreement=True,
            )
        )
        _log.info("granted by standing policy", application=application.id, grant=grant.id)
