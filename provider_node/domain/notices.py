"""What the platform has to record of this node's grants: at least once, in order, for as long as it takes.

First versions go as decisions on their applications, later versions and changes as notices. A notice waits
for those before it of its grant and kind and for nothing else, so that a revocation never waits for a version
that the platform does not take.
"""

import asyncio
import re
from typing import Final

import structlog

from provider_node.domain.platform import Platform
from provider_node.store.grants import Grants, PendingGrant
from provider_node.store.notice import Notice, NoticeKind
from stayput.errors import Reason, StayputError
from stayput.v1.access_pb2 import Grant, GrantChange
from stayput.v1.errors_pb2 import ErrorReason

_BATCH: Final = 200
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0
# The platform's word that a grant as it was signed will never be recorded; all else may be a lost answer.
_NO_GRANT: Final[frozenset[Reason]] = frozenset(
    {
        ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED,
        ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
        ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
        ErrorReason.ERROR_REASON_FIELD_INVALID,
        ErrorReason.ERROR_REASON_GRANT_MISMATCH,
        ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
        ErrorReason.ERROR_REASON_NOT_PERMITTED,
    }
)
# A notice is refused for good only for what its signed bytes say, or because the platform has revoked the
# grant. Whatever else it is refused for lies in the platform's records or rules, which may be put right.
_NO_NOTICE: Final[frozenset[Reason]] = frozenset(
    {
        ErrorReason.ERROR_REASON_GRANT_MISMATCH,
        ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
        ErrorReason.ERROR_REASON_FIELD_INVALID,
    }
)
_OUT_OF_REACH: Final[frozenset[Reason]] = frozenset(
    {
        ErrorReason.ERROR_REASON_CONNECTION_FAILED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
    }
)

_NUMBER: Final = re.compile(r"[0-9]{1,18}")

_log = structlog.get_logger(__name__)


class Notices:
    """Delivers what the node's grants have for the platform."""

    def __init__(self, grants: Grants, platform: Platform) -> None:
        self._grants = grants
        self._platform = platform
        self._more = asyncio.Event()
        self._recording: set[str] = set()

    def wake(self) -> None:
        """There may be something new to deliver, or the platform may be in reach again."""
        self._more.set()

    async def run(self) -> None:
        """Delivers until cancelled."""
        wait = _FIRST_WAIT
        while True:
            self._more.clear()
            if await self.deliver():
                wait = _FIRST_WAIT
                await self._more.wait()
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._more.wait()
            except TimeoutError:
                wait = min(2 * wait, _LONGEST_WAIT)

    async def deliver(self) -> bool:
        """Delivers what there is; False if something is left to be tried again."""
        try:
            first_versions = await self._record_pending()
            return await self._deliver_notices() and first_versions
        except StayputError as error:
            _log.warning("grants not told to the platform", reason=error.reason_name)
            return False

    async def record(self, pending: PendingGrant) -> None:
        """Records a first version as the decision on its application.

        Raises what the platform says; the grant is dropped if that is final, and tried again if not.
        """
        grant = pending.grant
        self._recording.add(grant.id)
        try:
            await self._platform.record_grant(grant.application_id, pending.envelope, pending.administrator)
            await self._grants.mark_recorded(grant.id)
        except StayputError as error:
            if error.reason in _NO_GRANT:
                await self._grants.drop(grant.id)
            raise
        finally:
            self._recording.discard(grant.id)

    async def _record_pending(self) -> bool:
        all_recorded = True
        for pending in self._grants.pending():
            if pending.grant.id in self._recording:
                continue
            try:
                await self.record(pending)
            except StayputError as error:
                if error.reason in _OUT_OF_REACH:
                    raise
                _log.warning("grant not recorded", grant=pending.grant.id, reason=error.reason_name)
                all_recorded = all_recorded and error.reason in _NO_GRANT
        return all_recorded

    async def _deliver_notices(self) -> bool:
        # The platform knows nothing yet of a grant that is pending.
        pending = {pending.grant.id for pending in self._grants.pending()}
        held_up = {(grant_id, kind) for grant_id in pending for kind in NoticeKind}
        through = 0
        while batch := self._grants.notices(through, _BATCH):
            for notice in batch:
                kept_back = (notice.grant_id, notice.kind)
                if kept_back not in held_up and not await self._deliver(notice):
                    held_up.add(kept_back)
            through = batch[-1].number
        return not held_up

    async def _deliver(self, notice: Notice) -> bool:
        """Delivers a notice; False if it has to be tried again."""
        try:
            if notice.kind is NoticeKind.VERSION:
                await self._platform.record_version(notice.envelope)
            else:
                await self._platform.record_change(notice.envelope)
        except StayputError as error:
            if error.reason in _OUT_OF_REACH:
                raise
            return await self._settled(notice, error)
        await self._grants.delivered(notice)
        return True

    async def _settled(self, notice: Notice, error: StayputError) -> bool:
        if _recorded_before(notice, error) or self._grants.get(notice.grant_id) is None:
            await self._grants.delivered(notice)
            return True
        _log.error(
            "platform refuses what it was told of a grant",
            grant=notice.grant_id,
            kind=notice.kind.name,
            reason=error.reason_name,
        )
        if error.reason in _NO_NOTICE:
            await self._grants.refused(notice)
            return True
        return False


def _recorded_before(notice: Notice, error: StayputError) -> bool:
    """The platform wants a later number: it has recorded the notice's, and its answer was lost."""
    expected = error.details.get("expected", "")
    if error.reason != ErrorReason.ERROR_REASON_GRANT_VERSION or not _NUMBER.fullmatch(expected):
        return False
    if notice.kind is NoticeKind.VERSION:
        return Grant.FromString(notice.envelope.payload).version < int(expected)
    return GrantChange.FromString(notice.envelope.payload).number < int(expected)
