"""Keys on their way to a replica: what it gets does what the node's do, and nothing of it is shown."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.keyring import Keyring
from provider_node.domain.keys import OVERLAP, NodeKeys
from provider_node.domain.replicas.key_transfer import ReceivedKeys, received, sent
from provider_node.domain.tokens import IndexKey
from provider_node.store.epochs import Purpose
from stayput.errors import StayputError
from stayput.sealing import SESSION_KEY_BYTES, seal_session_key
from stayput.v1.replica_pb2 import ReplicaKeys
from tests.provider_node.replicas.peer import BY, NOW, NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

LATER = NOW + OVERLAP
DIGESTS = bytes(range(64))


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Keys of which each has been rotated once."""
    keys = NodeKeys(tmp_path)
    keys.create()
    ring = Keyring(keys, tmp_path)
    for purpose in Purpose:
        ring.rotate(purpose, BY, NOW)
    return ring


def over_the_wire(keyring: Keyring) -> ReceivedKeys:
    return received(ReplicaKeys.FromString(sent(keyring).SerializeToString()))


def derived(key: IndexKey) -> list[bytes]:
    """What an index key makes of some digests, for the index and for the guards."""
    names = key.attempt_key(b"owner").names(DIGESTS), key.list_key(b"owner", "G-1").names(DIGESTS)
    rank = key.rank_key(b"owner", bytes(16)).tokens(DIGESTS)
    return [key.token_key(b"owner").tokens(DIGESTS), rank, *(name.tobytes() for name in names)]


def check_index(mine: IndexKeys, keyring: Keyring) -> None:
    assert len(mine.all()) == 2
    for key in keyring.index.all():
        assert derived(mine.named(key.id)) == derived(key)
    assert mine.current.id == keyring.index.current.id


def test_tokens_and_names_are_those_of_the_node(keyring: Keyring) -> None:
    check_index(over_the_wire(keyring).index, keyring)


def test_a_node_without_a_secret_for_the_guards_has_none_at_its_replicas(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path)
    keys.create()
    (tmp_path / "keys" / "guards.key").unlink()
    keyring = Keyring(keys, tmp_path)
    assert not sent(keyring).guards
    assert derived(over_the_wire(keyring).index.current) == derived(keyring.index.current)


def test_evaluations_are_those_that_the_generation_was_built_with(idle: NodeEnd) -> None:
    idle.keyring.rotate(Purpose.OPRF, BY, NOW)
    serving = idle.resources.serving(register.CODE)
    assert serving.offer is not None
    mine = over_the_wire(idle.keyring).oprf
    epoch = mine.epoch_named(serving.offer.key_epoch, register.CODE)
    for one in serving.offer.sets:
        key = epoch.key(serving.contract, one.key, one.check or None, one.granularity)
        assert key.public_bytes() == one.public_key
    assert len(serving.offer.sets) == 6
    assert mine.epoch(register.CODE).id == idle.keyring.oprf.epoch(register.CODE).id != epoch.id


def test_sessions_open_as_at_the_node_and_as_long(keyring: Keyring) -> None:
    mine, session_key = over_the_wire(keyring).sealing, bytes(SESSION_KEY_BYTES)
    for key, _ in keyring.sealing.all():
        sealed = seal_session_key(key.public_bytes(), session_key, b"info")
        found = mine.accepted(key.id, NOW)
        assert found is not None
        assert found.open_session_key(sealed, b"info") == session_key
    (old, until), (new, _) = keyring.sealing.all()
    assert until == LATER
    assert mine.accepted(old.id, LATER) is None
    assert mine.accepted(new.id, LATER) is mine.current
    assert mine.current.id == keyring.sealing.current.id


def test_whoever_holds_a_ring_has_the_new_keys(keyring: Keyring) -> None:
    mine = over_the_wire(keyring)
    index, oprf, sealing = mine.index, mine.oprf, mine.sealing
    for purpose in Purpose:
        keyring.rotate(purpose, BY, LATER)
    mine.replace(over_the_wire(keyring))
    assert (index.current.id, oprf.id) == (keyring.index.current.id, keyring.oprf.id)
    assert sealing.current.id == keyring.sealing.current.id
    assert len(index.all()) == len(sealing.all()) == 3


def test_nothing_secret_is_shown(keyring: Keyring) -> None:
    message = sent(keyring)
    secrets = [*message.index, message.guards, *message.oprf, *(one.private_key for one in message.sealing)]
    mine = received(message)
    shown = repr(mine) + repr(mine.index.all()) + repr(mine.sealing.all())
    assert len(secrets) == 7
    for secret in secrets:
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


def without(field: Literal["index", "oprf", "sealing"]) -> Callable[[ReplicaKeys], None]:
    return lambda keys: keys.ClearField(field)


def short(keys: ReplicaKeys) -> None:
    keys.index[0] = keys.index[0][:-1]


def short_guards(keys: ReplicaKeys) -> None:
    keys.guards = keys.guards[:16]


def long_root(keys: ReplicaKeys) -> None:
    keys.oprf[1] += b"\0"


def short_sealing(keys: ReplicaKeys) -> None:
    keys.sealing[1].private_key = keys.sealing[1].private_key[:95]


def endless(keys: ReplicaKeys) -> None:
    keys.sealing[0].ClearField("until")


def ended(keys: ReplicaKeys) -> None:
    keys.sealing[1].until.CopyFrom(keys.sealing[0].until)


def beyond_time(keys: ReplicaKeys) -> None:
    keys.sealing[0].until.seconds = 1 << 62


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (without("index"), "keys.index"),
        (without("oprf"), "keys.oprf"),
        (without("sealing"), "keys.sealing"),
        (short, "keys.index"),
        (short_guards, "keys.guards"),
        (long_root, "keys.oprf"),
        (short_sealing, "keys.sealing"),
        (endless, "keys.sealing"),
        (ended, "keys.sealing"),
        (beyond_time, "keys.sealing"),
    ],
)
def test_what_cannot_be_a_key_is_refused(
    keyring: Keyring, damage: Callable[[ReplicaKeys], None], field: str
) -> None:
    message = sent(keyring)
    damage(message)
    with refused("FIELD_INVALID", field) as caught:
        received(message)
    assert caught.value.__cause__ is None
    for secret in (*message.index, *message.oprf, *(one.private_key for one in message.sealing)):
        assert secret.hex() not in str(caught.value)


_KEYS = st.lists(st.one_of(st.binary(min_size=32, max_size=32), st.binary(max_size=40)), max_size=3)


@given(
    index=_KEYS,
    guards=st.one_of(st.just(b""), st.binary(max_size=40)),
    oprf=_KEYS,
    sealing=st.lists(
        st.tuples(st.binary(min_size=96, max_size=96), st.none() | st.integers(-(1 << 63), (1 << 63) - 1)),
        max_size=2,
    ),
)
def test_any_message_is_keys_or_refused(
    index: list[bytes], guards: bytes, oprf: list[bytes], sealing: list[tuple[bytes, int | None]]
) -> None:
    message = ReplicaKeys(index=index, guards=guards, oprf=oprf)
    for private_key, seconds in sealing:
        one = message.sealing.add(private_key=private_key)
        if seconds is not None:
            one.until.seconds = seconds
    keys = None
    with suppress(StayputError):
        keys = received(message)
    if keys is not None:
        assert [key.secrets()[0] for key in keys.index.all()] == index
        assert keys.oprf.secrets() == tuple(oprf)
        assert [key.to_bytes() for key, _ in keys.sealing.all()] == [one for one, _ in sealing]
