"""From the values of records to blinded elements, and from evaluated ones to the outcomes of the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from stayput import oblivious, outcomes
from stayput.errors import StayputError
from stayput.oprf import Blinding, VerifiableClient, chosen
from stayput.v1.contract_pb2 import Contract, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.blinding import Blinds
from stayput_client.fingerprint_set import FingerprintSet
from stayput_client.question import Answered, Encoded, Question, Sifted
from stayput_client.slices import in_slices


@dataclass(frozen=True, slots=True)
class Blinded(Sifted):
    """Some records, blinded: a column for the key and for each check.

    `number` is its place among the chunks of the comparison that have anything to ask, from 0. `asked`
    are, for each check, the places among `sent` of the records with a value for it.
    """

    number: int
    asked: tuple[Sequence[int], ...] = field(repr=False)
    columns: tuple[Blinding, ...] = field(repr=False)

    @property
    def content(self) -> bytes:
        """What is sealed."""
        return oblivious.packed(column.elements for column in self.columns)

    @property
    def elements(self) -> int:
        """How many there are in all columns."""
        return sum(len(column.elements) for column in self.columns)


class BlindedQuestion:
    """A question in oblivious mode, blinded by the `blinds` of one comparison."""

    def __init__(self, question: Question, contract: Contract, blinds: Blinds) -> None:
        self._question = question
        self._blinded = 0
        self.blinds = blinds
        self.checks, self.fields = question.checks, question.fields
        self.contexts = [
            oblivious.input_context(contract, question.key, check) for check in (None, *question.checks)
        ]

    def prepare(self, values: Mapping[str, list[str]]) -> Blinded:
        """Records given as one column of raw values for each of `fields`; to be called in their order."""
        encoded = self._question.encode(values)
        sifted, inputs, number = encoded.sifted, self._inputs(encoded), self._blinded
        self._blinded += any(inputs)
        return Blinded(
            *(sifted.records, sifted.sent, sifted.rejected, sifted.rejected_checks),
            number=number,
            asked=tuple(
                [at for at, value in enumerate(check) if isinstance(value, bytes)] for check in encoded.checks
            ),
            columns=tuple(self._blind(number, column, each) for column, each in enumerate(inputs)),
        )

    def nothing(self) -> Blinded:
        """A chunk without records."""
        return self.prepare({field: [] for field in self.fields})

    def _inputs(self, encoded: Encoded) -> list[list[bytes]]:
        """What is blinded, in columns."""
        inputs = [oblivious.key_inputs(self.contexts[0], encoded.keys)]
        for context, check in zip(self.contexts[1:], encoded.checks, strict=True):
            inputs.append(oblivious.check_inputs(context, encoded.keys, check))
        return inputs

    def _draw(self, number: int, column: int, part: slice) -> list[bytes]:
        """The blinds of some elements of a chunk's column."""
        return self.blinds.draw(number, column, part)

    def _blind(self, number: int, column: int, inputs: Sequence[bytes]) -> Blinding:
        def work(part: slice) -> Blinding:
            return VerifiableClient.blind(inputs[part], self._draw(number, column, part))

        parts = in_slices(work, len(inputs))
        return Blinding(
            inputs,
            list(chain.from_iterable(part.blinds for part in parts)),
            list(chain.from_iterable(part.elements for part in parts)),
        )

    def answered(self, sifted: Sifted, answer: bytes | None) -> Answered:
        """What is said of records, given the outcome bytes of those sent, in columns (None: not answered)."""
        return self._question.answered(sifted, answer)


class Matching:
    """Finds outcomes on this side.

    For the question's key and checks `contexts` are those of `BlindedQuestion`, `described` are the sets that
    the node describes, and `sets` their fingerprints.
    """

    def __init__(
        self,
        contexts: Sequence[bytes],
        described: Sequence[ObliviousSet],
        sets: Sequence[FingerprintSet],
    ) -> None:
        self._contexts = contexts
        self._clients = [VerifiableClient(one.public_key) for one in described]
        self._sets = sets

    def codes(self, blinded: Blinded, evaluated: Sequence[Sequence[bytes]]) -> bytes:
        """Outcome bytes of the records sent, in columns, as a node says them in keyed mode.

        Raises `PROTOCOL_VIOLATION` for what cannot be the evaluated elements.
        """
        subjects, *values = [
            self._outputs(column, blinded.columns[column], elements)
            for column, elements in enumerate(evaluated)
        ]
        found = self._sets[0].has(oblivious.fingerprints(subjects))
        codes = [np.where(found, outcomes.MATCH, outcomes.NOT_FOUND)]
        for check, (asked, outputs) in enumerate(zip(blinded.asked, values, strict=True), 1):
            column = np.where(found, outcomes.NOT_ASKED, outcomes.NOT_FOUND)
            matches = self._sets[check].has(oblivious.fingerprints(outputs))
            owners = oblivious.presences(self._contexts[check], [subjects[at] for at in asked])
            present = np.where(self._sets[check].has(owners), outcomes.MISMATCH, outcomes.NO_VALUE)
            places = np.array(asked, np.intp)
            column[places] = np.where(
                found[places], np.where(matches, outcomes.MATCH, present), outcomes.NOT_FOUND
            )
            codes.append(column)
        return np.concatenate(codes).astype(np.uint8).tobytes()

    def _outputs(self, column: int, blinding: Blinding, evaluated: Sequence[bytes]) -> list[bytes]:
        def work(part: slice) -> list[bytes]:
            cut = Blinding(blinding.inputs[part], blinding.blinds[part], blinding.elements[part])
            return self._clients[column].finalize(cut, evaluated[part])

        return list(chain.from_iterable(in_slices(work, len(evaluated))))

    def verify(
        self,
        blinded: Blinded,
        evaluated: Sequence[Sequence[bytes]],
        indices: Sequence[Sequence[int]],
        proofs: Sequence[bytes],
    ) -> None:
        """Passes if the node has proved the elements named of each column; else `PROOF_INVALID`."""
        if len(proofs) != len(self._clients):
            raise proof_invalid("there must be one for each column")
        for column, (places, proof) in enumerate(zip(indices, proofs, strict=True)):
            if places:
                question = chosen(blinded.columns[column].elements, places)
                self._clients[column].verify(question, chosen(evaluated[column], places), proof)
            elif proof:
                raise proof_invalid("a column without elements has none")


def proof_invalid(problem: str) -> StayputError:
    """`PROOF_INVALID` naming `proof`."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROOF_INVALID,
        f"proof: {problem}",
        field="proof",
        remedy="use none of this session's answers, and ask the provider which key its node evaluates with",
    )
