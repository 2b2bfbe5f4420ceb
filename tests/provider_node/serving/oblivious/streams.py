"""Calls of the oblivious mode, seen from the consumer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio

from stayput import receipts
from stayput.oblivious import unpacked
from stayput.rpc.client import translated
from stayput.v1.comparison_pb2 import (
    EvaluateRequest,
    EvaluateResponse,
    Proof,
    ProofRequest,
    SealedChunk,
    SealedOutcomes,
    SessionOpened,
)
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving.node import LocalNode
from tests.provider_node.serving.oblivious.consumer import (
    Columns,
    ObliviousAsking,
    fetching,
    proof_request,
    verify,
)

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


class Evaluated:
    """One call of Evaluate, seen from the consumer. What fails raises `StayputError`."""

    def __init__(self, node_stub: "ComparisonServiceAsyncStub", asking: ObliviousAsking) -> None:
        self.asking = asking
        self.call: grpc.aio.StreamStreamCall[EvaluateRequest, EvaluateResponse] = node_stub.Evaluate()
        self.opened = SessionOpened()

    async def open(self) -> SessionOpened:
        """Opens the session."""
        await self.write(EvaluateRequest(open=self.asking.open))
        self.opened = (await self.read()).opened
        return self.opened

    async def ask(self, sequence: int, columns: Columns, *, final: bool = False) -> Columns:
        """Sends a chunk; the evaluated elements."""
        await self.send(self.asking.elements(sequence, columns, final=final))
        return self.columns(sequence, (await self.read()).evaluated)

    async def send(self, chunk: SealedChunk) -> None:
        """Sends a chunk."""
        await self.write(EvaluateRequest(chunk=chunk))

    def content(self, sequence: int, answer: SealedOutcomes) -> bytes:
        """An answer, opened."""
        assert answer.sequence == sequence
        return self.asking.keys.response(self.opened.session_id).open(answer.sequence, answer.sealed)

    def columns(self, sequence: int, answer: SealedOutcomes) -> Columns:
        """The elements of an answer."""
        return unpacked(self.content(sequence, answer), len(self.asking.sets), "answer")

    async def prove(self, request: ProofRequest) -> Proof:
        """Sends a request for proof; the proof."""
        await self.write(EvaluateRequest(prove=request))
        response = await self.read()
        assert response.WhichOneof("message") == "proof"
        return response.proof

    async def proved(self, sequence: int, columns: Columns, *, final: bool = False) -> Columns:
        """As `ask`, and every element is proved; after the final chunk the receipt is left to be read."""
        evaluated = await self.ask(sequence, columns, final=final)
        if not final:
            request = proof_request(sequence, columns)
            verify(self.asking, request, await self.prove(request), columns, evaluated)
        return evaluated

    async def write(self, request: EvaluateRequest) -> None:
        """Sends any message."""
        with translated("node"):
            await self.call.write(request)

    async def read(self) -> EvaluateResponse:
        """The next message."""
        with translated("node"):
            message = await self.call.read()
        assert isinstance(message, EvaluateResponse)
        return message

    async def receipt(self, verification_key: bytes) -> Receipt:
        """The receipt, verified; the stream goes on."""
        return receipts.verify((await self.read()).receipt, verification_key)

    async def close(self) -> None:
        """Half-closes; nothing more may come, and the call must have succeeded."""
        await self.call.done_writing()
        with translated("node"):
            assert await self.call.read() is grpc.aio.EOF
        assert await self.call.code() == grpc.StatusCode.OK


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought: the fingerprints by column as far as they came, and the receipt."""

    opened: SessionOpened
    columns: Sequence[bytes]
    receipt: Receipt


async def fetch(
    node: LocalNode,
    node_stub: "ComparisonServiceAsyncStub",
    asking: ObliviousAsking,
    held: Sequence[int] = (),
) -> Fetched:
    """Fetches the serving generation."""
    request = fetching(node, asking).fetch(held)
    columns = [b""] * (1 + len(asking.open.checks))
    opened, receipt = SessionOpened(), Receipt()
    with translated("node"):
        async for message in node_stub.FetchFingerprints(request):
            match message.WhichOneof("message"):
                case "opened":
                    opened = message.opened
                case "block":
                    block = message.block
                    at = (held[block.column] if held else 0) + len(columns[block.column]) // 8
                    assert block.first == at
                    columns[block.column] += block.fingerprints
                case _:
                    receipt = receipts.verify(message.receipt, node.material.verification_key)
    return Fetched(opened, columns, receipt)
