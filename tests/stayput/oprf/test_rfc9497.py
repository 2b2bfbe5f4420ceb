"""Appendix A.1 of RFC 9497, replayed step by step."""

import pytest

from stayput.oprf import Client, Mode, PrivateKey, Server, VerifiableClient, VerifiableServer
from tests.vectors.reading import Json, read

MODES = {vector["mode"]: vector for vector in read("oprf")["oprf"]["modes"]}
BATCHES = [(mode, vector) for mode in MODES.values() for vector in mode["vectors"]]
PROVED = [(mode, vector) for mode, vector in BATCHES if "proof" in vector]


def octets(encoded: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in encoded]


def key_of(mode: Json) -> PrivateKey:
    return PrivateKey.from_bytes(bytes.fromhex(mode["private_key"]))


def client_of(mode: Json) -> Client:
    if mode["mode"] == "OPRF":
        return Client()
    return VerifiableClient(bytes.fromhex(mode["public_key"]))


def server_of(mode: Json) -> Server:
    return {"OPRF": Server, "VOPRF": VerifiableServer}[mode["mode"]](key_of(mode))


def test_the_vectors_are_complete() -> None:
    assert [(name, len(mode["vectors"])) for name, mode in MODES.items()] == [("OPRF", 2), ("VOPRF", 3)]
    assert [len(vector["inputs"]) for _, vector in PROVED] == [1, 1, 2]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_the_key_is_derived_from_seed_and_info(mode: Json) -> None:
    seed, info = bytes.fromhex(mode["seed"]), bytes.fromhex(mode["key_info"])
    key = PrivateKey.derive(Mode[mode["mode"]], seed, info)
    assert key.to_bytes().hex() == mode["private_key"]


def test_the_public_key_is_that_of_the_private_key() -> None:
    assert key_of(MODES["VOPRF"]).public_bytes().hex() == MODES["VOPRF"]["public_key"]


@pytest.mark.parametrize(("mode", "vector"), BATCHES)
def test_inputs_are_blinded(mode: Json, vector: Json) -> None:
    blinding = client_of(mode).blind(octets(vector["inputs"]), octets(vector["blinds"]))
    assert blinding.elements == octets(vector["blinded_elements"])


@pytest.mark.parametrize(("mode", "vector"), BATCHES)
def test_blinded_elements_are_evaluated(mode: Json, vector: Json) -> None:
    evaluated = server_of(mode).blind_evaluate(octets(vector["blinded_elements"]))
    assert evaluated == octets(vector["evaluated_elements"])


@pytest.mark.parametrize(("mode", "vector"), BATCHES)
def test_evaluated_elements_are_finalized(mode: Json, vector: Json) -> None:
    client = client_of(mode)
    blinding = client.blind(octets(vector["inputs"]), octets(vector["blinds"]))
    assert client.finalize(blinding, octets(vector["evaluated_elements"])) == octets(vector["outputs"])


@pytest.mark.parametrize(("mode", "vector"), BATCHES)
def test_the_server_computes_the_same_outputs_of_its_own_inputs(mode: Json, vector: Json) -> None:
    assert server_of(mode).evaluate(octets(vector["inputs"])) == octets(vector["outputs"])


@pytest.mark.parametrize(("mode", "vector"), PROVED)
def test_the_proof_is_generated(mode: Json, vector: Json) -> None:
    proof = VerifiableServer(key_of(mode)).prove(
        octets(vector["blinded_elements"]),
        octets(vector["evaluated_elements"]),
        bytes.fromhex(vector["proof_random_scalar"]),
    )
    assert proof.hex() == vector["proof"]


@pytest.mark.parametrize(("mode", "vector"), PROVED)
def test_the_proof_verifies(mode: Json, vector: Json) -> None:
    evaluated = octets(vector["evaluated_elements"])
    verified = VerifiableClient(bytes.fromhex(mode["public_key"])).verify(
        octets(vector["blinded_elements"]), evaluated, bytes.fromhex(vector["proof"])
    )
    assert verified == evaluated
