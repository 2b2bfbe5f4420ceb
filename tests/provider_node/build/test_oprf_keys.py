"""OPRF keys: one pair for each set of an epoch, out of one root."""

import hmac
import subprocess
import sys
from hashlib import sha256

import pytest

from provider_node.domain.oprf_keys import OprfKeys
from stayput.contract import SUITE
from stayput.errors import StayputError
from stayput.normalise import PROFILE
from stayput.oblivious import input_context
from stayput.oprf import Mode, PrivateKey
from stayput.v1.contract_pb2 import Check, Contract, Field, Key
from tests.provider_node.build.oblivious import COUNT, RECORD

ROOT = bytes(range(32))
CONTRACT = Contract(
    resource="vehicle-owners",
    profile=PROFILE,
    suite=SUITE,
    salt=bytes(16),
    fields=[Field(name="owner_id", type="resident_id"), Field(name="name", type="person_name")],
    keys=[Key(name="owner", fields=["owner_id"]), Key(name="person", fields=["name"])],
    checks=[Check(name="name", fields=["name"])],
)


def hkdf(info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, one block."""
    pseudorandom = hmac.digest(bytes(32), ROOT, sha256)
    return hmac.digest(pseudorandom, info + b"\1", sha256)[:length]


@pytest.mark.parametrize(
    ("generation", "salt"),
    [(None, b"vehicle-owners"), ("20261122T081500Z-0001", b"vehicle-owners/20261122T081500Z-0001")],
)
def test_a_key_is_derived_from_root_epoch_granularity_and_context(
    generation: str | None, salt: bytes
) -> None:
    epoch = OprfKeys(ROOT).epoch("vehicle-owners", generation)
    assert epoch.id == hkdf(b"stayput/v1 oprf epoch" + salt, 8).hex()
    assert epoch.of_generation == (generation is not None)
    seed = hkdf(b"stayput/v1 oprf seed" + salt, 32)
    for check in (None, "name"):
        for granularity, byte in ((RECORD, b"\1"), (COUNT, b"\2")):
            info = byte + input_context(CONTRACT, "owner", check)
            expected = PrivateKey.derive(Mode.VOPRF, seed, info)
            assert epoch.key(CONTRACT, "owner", check, granularity).to_bytes() == expected.to_bytes()


def test_no_two_sets_and_no_two_epochs_have_a_key_in_common() -> None:
    roots = OprfKeys(ROOT), OprfKeys(ROOT[::-1])
    epochs = [
        keys.epoch(*of)
        for keys in roots
        for of in (("vehicle-owners",), ("deaths",), ("deaths", "1"), ("deaths", "2"))
    ]
    assert len({epoch.id for epoch in epochs}) == 8
    keys = {
        epoch.key(CONTRACT, key, check, granularity).public_bytes()
        for epoch in epochs
        for key in ("owner", "person")
        for check in (None, "name")
        for granularity in (RECORD, COUNT)
    }
    assert len(keys) == 8 * 8


def test_a_key_of_what_the_contract_does_not_have_is_refused() -> None:
    epoch = OprfKeys(ROOT).epoch("vehicle-owners")
    for key, check in (("plate", None), ("owner", "plate")):
        with pytest.raises(StayputError) as caught:
            epoch.key(CONTRACT, key, check, RECORD)
        assert caught.value.reason_name == "FIELD_INVALID"


def test_a_root_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        OprfKeys(bytes(16))


def test_nothing_secret_is_in_a_repr() -> None:
    keys = OprfKeys(ROOT)
    epoch = keys.epoch("vehicle-owners")
    shown = repr((keys, epoch, epoch.key(CONTRACT, "owner", None, RECORD)))
    seed = hkdf(b"stayput/v1 oprf seedvehicle-owners", 32)
    for secret in (ROOT, seed, epoch.key(CONTRACT, "owner", None, RECORD).to_bytes()):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


def test_libsodium_is_not_loaded_before_it_is_needed() -> None:
    program = (
        "import sys, provider_node.server, provider_node.build_process;"
        "from provider_node.domain.oprf_keys import OprfKeys;"
        "OprfKeys(bytes(32)).epoch('deaths');"
        "sys.exit('rbcl' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
