"""Evaluating what consumers blind: outputs whose fingerprints are in the sets, with proofs that verify."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.evaluating import SLICE, Evaluators
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.store.fingerprints import FingerprintSet
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.elements import encode
from stayput.errors import StayputError
from stayput.oblivious import (
    asked_sets,
    check_inputs,
    count_fingerprints,
    fingerprints,
    input_context,
    key_inputs,
    presences,
)
from stayput.oprf import Blinding, VerifiableClient, random_scalars
from tests.provider_node.build.oblivious import CODE, COUNT, RECORD, WITH_COUNTS

Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]
PEOPLE = 40


@pytest.fixture
def evaluators(
    write_resource: Write, build: Build, generations: Generations, oprf_keys: OprfKeys, resident_id: Number
) -> Iterator[Evaluators]:
    """Of a register of forty people, every other of whom has a plate."""
    rows = [(resident_id(n), "张三", f"A{n}" if n % 2 else "") for n in range(PEOPLE)]
    build(write_resource(rows, WITH_COUNTS))
    generation = generations.current(CODE)
    assert generation is not None
    assert generation.manifest.oblivious is not None
    with ThreadPoolExecutor(2) as cores:
        yield Evaluators(generation, generation.manifest.oblivious.offer, oprf_keys.epoch(CODE), cores)


def whole(found: FingerprintSet) -> set[bytes]:
    content = found.read(0, found.count)
    return {content[start : start + 8] for start in range(0, len(content), 8)}


def blinded(public_key: bytes, inputs: list[bytes]) -> tuple[VerifiableClient, Blinding]:
    client = VerifiableClient(public_key)
    return client, client.blind(inputs, random_scalars(len(inputs), secrets.token_bytes))


def test_a_consumer_finds_what_the_register_has(evaluators: Evaluators, resident_id: Number) -> None:
    contract, offer = evaluators.generation.manifest.contract, evaluators.offer
    assert offer is not None
    asked = range(PEOPLE - 10, SLICE + 10)
    evaluator = evaluators("owner", ["plate"], RECORD)
    assert (evaluator.suite, evaluator.key_epoch) == (offer.suite, offer.key_epoch)
    keys = [key for key in encode([[resident_id(n) for n in asked]]) if isinstance(key, bytes)]
    plates = encode([[f"A{n}" if n % 4 == 1 else "B1" for n in asked]])
    contexts = [input_context(contract, "owner"), input_context(contract, "owner", "plate")]
    inputs = [key_inputs(contexts[0], keys), check_inputs(contexts[1], keys, plates)]
    sets = asked_sets(offer, "owner", ["plate"], RECORD)
    sides = [blinded(one.public_key, column) for one, column in zip(sets, inputs, strict=True)]
    evaluated = evaluator.evaluate([blinding.elements for _, blinding in sides])
    outputs = [
        client.finalize(blinding, column) for (client, blinding), column in zip(sides, evaluated, strict=True)
    ]
    of_keys, of_plates = (whole(evaluator.fingerprints(column)) for column in (0, 1))
    assert [one in of_keys for one in fingerprints(outputs[0])] == [n < PEOPLE for n in asked]
    has_plate = [n < PEOPLE and n % 2 == 1 for n in asked]
    assert [one in of_plates for one in presences(contexts[1], outputs[0])] == has_plate
    agrees = [n < PEOPLE and n % 4 == 1 for n in asked]
    assert [one in of_plates for one in fingerprints(outputs[1])] == agrees
    for column, (client, blinding) in enumerate(sides):
        pairs = list(blinding.elements)[:20], evaluated[column][:20]
        client.verify(*pairs, evaluator.prove(column, *pairs))


def test_counts_are_proved_over_sums(evaluators: Evaluators, resident_id: Number) -> None:
    contract, offer = evaluators.generation.manifest.contract, evaluators.offer
    assert offer is not None
    place = input_context(contract, "owner")
    evaluator = evaluators("owner", [], COUNT)
    keys = [key for key in encode([[resident_id(n) for n in range(30, 50)]]) if isinstance(key, bytes)]
    [public] = [one.public_key for one in asked_sets(offer, "owner", [], COUNT)]
    client, blinding = blinded(public, key_inputs(place, keys))
    [evaluated] = evaluator.evaluate([blinding.elements])
    proof = evaluator.prove_total(0, blinding.elements, evaluated)
    shuffled = sorted(evaluated)
    assert client.verify_total(blinding.elements, shuffled, proof) == shuffled
    points = client.unblind(blinding.blinds, evaluated)
    of_keys = whole(evaluator.fingerprints(0))
    assert sum(one in of_keys for one in count_fingerprints(place, points)) == 10
    # The key of a granularity proves nothing of another.
    other = evaluators("owner", [], RECORD).prove_total(0, blinding.elements, evaluated)
    with pytest.raises(StayputError) as caught:
        client.verify_total(blinding.elements, shuffled, other)
    assert caught.value.reason_name == "PROOF_INVALID"


@pytest.mark.parametrize("wrong", [bytes(32), b"\xff" * 32, b"\1" * 31])
@pytest.mark.parametrize("elements", [1, SLICE + 2])
def test_a_malformed_element_is_told_by_its_column(
    evaluators: Evaluators, wrong: bytes, elements: int
) -> None:
    evaluator = evaluators("owner", ["name"], RECORD)
    base = evaluator.evaluate([[], []])
    assert base == [[], []]
    _, blinding = blinded(evaluators.offer.sets[0].public_key if evaluators.offer else b"", [b"x"])
    good = list(blinding.elements)
    with pytest.raises(StayputError) as caught:
        evaluator.evaluate([good, good * (elements - 1) + [wrong]])
    assert (caught.value.reason_name, caught.value.field) == ("FIELD_INVALID", "columns[1]")
    assert wrong.hex() not in str(caught.value)


def test_no_elements_cannot_be_proved(evaluators: Evaluators) -> None:
    evaluator = evaluators("owner", [], RECORD)
    for prove in (evaluator.prove, evaluator.prove_total):
        with pytest.raises(StayputError) as caught:
            prove(0, [], [])
        assert caught.value.reason_name == "FIELD_INVALID"


def test_what_is_not_offered_is_refused(evaluators: Evaluators) -> None:
    record_only = replace(evaluators, offer=None)
    for made, key, checks, field in (
        (evaluators, "plate", [], "granularity"),
        (evaluators, "owner", ["price"], "granularity"),
        (record_only, "owner", [], "mode"),
    ):
        with pytest.raises(StayputError) as caught:
            made(key, checks, RECORD)
        assert (caught.value.reason_name, caught.value.field) == ("FIELD_INVALID", field)


def test_a_node_with_other_keys_than_published_evaluates_nothing(evaluators: Evaluators) -> None:
    other = replace(evaluators, epoch=OprfKeys(bytes(32)).epoch(CODE))
    with pytest.raises(StayputError, match="published OPRF keys") as caught:
        other("owner", [], RECORD)
    assert caught.value.reason_name == "RESOURCE_NOT_READY"


def test_nothing_secret_is_in_a_repr(evaluators: Evaluators) -> None:
    key = evaluators.epoch.key(evaluators.generation.manifest.contract, "owner", None, RECORD)
    shown = repr((evaluators, evaluators("owner", [], RECORD)))
    assert key.to_bytes().hex() not in shown
    assert repr(key.to_bytes())[2:-1] not in shown
