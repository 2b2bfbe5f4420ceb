"""What a bundle is asked for with."""

from collections.abc import AsyncIterator, Sequence

import pytest

from stayput import identity
from stayput.rpc.tls import Credentials, channel
from stayput_client.home import Home
from stayput_client.log_calls import LogCalls
from tests.client.audit.conftest import Audited
from tests.stayput.evidence.made import WITNESSES

_MANY = [f"urn:stayput:department:office-{number}" for number in range(20)]


@pytest.fixture
async def calls(audited: Audited) -> AsyncIterator[LogCalls]:
    files = Home(audited.home).identity()
    address = files.platform().comparator_address
    async with channel(address, identity.COMPARATOR_NAME, Credentials(*files.tls())) as connected:
        yield LogCalls(connected)


async def test_without_a_demand_none_is_made(audited: Audited, calls: LogCalls) -> None:
    await calls.bundle(2)
    (asked,) = audited.peer.bundles
    assert (asked.index, list(asked.witnesses), asked.least_witnesses) == (2, [], 0)


@pytest.mark.parametrize(
    ("witnesses", "least", "sent", "least_sent"),
    [
        (WITNESSES, 2, WITNESSES, 2),
        # A witness with a renewed key is in the trust file twice.
        ([*WITNESSES, WITNESSES[0]], 2, WITNESSES, 2),
        # The log knows no witness under a name of another kind, and refuses it.
        (["witness.example/w1", WITNESSES[0]], 2, WITNESSES[:1], 1),
        (_MANY, 17, _MANY[:16], 16),
    ],
)
async def test_a_demand_is_what_the_log_can_look_for(
    audited: Audited,
    calls: LogCalls,
    witnesses: Sequence[str],
    least: int,
    sent: Sequence[str],
    least_sent: int,
) -> None:
    await calls.bundle(2, witnesses, least)
    (asked,) = audited.peer.bundles
    assert (list(asked.witnesses), asked.least_witnesses) == (list(sent), least_sent)
