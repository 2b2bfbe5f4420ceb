"""Fetching the fingerprints of a generation into the cache: a session with a receipt of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc.aio

from stayput.oblivious import FINGERPRINT_BYTES
from stayput.v1.comparison_pb2 import (
    FetchFingerprintsRequest,
    FetchFingerprintsResponse,
    FingerprintBlock,
    SessionOpened,
)
from stayput.v1.contract_pb2 import ObliviousSet
from stayput.v1.log_pb2 import Receipt
from stayput_client.accounts import require_same, violation
from stayput_client.conversation import Conversation
from stayput_client.exchange import SessionBroken, broken, ended_early
from stayput_client.fingerprint_cache import FingerprintsWrong, Generation, Partial
from stayput_client.results import SignedReceipt
from stayput_client.retries import Retries

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

_LOCK_SECONDS: Final = 0.1


_Call: TypeAlias = "grpc.aio.UnaryStreamCall[FetchFingerprintsRequest, FetchFingerprintsResponse]"
Opened: TypeAlias = tuple[Conversation, _Call]
Opening: TypeAlias = Callable[["ComparisonServiceAsyncStub", Conversation], Awaitable[Opened]]
"""Opens a session by a stub."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where fingerprints come from, and which: those of a question's sets, in its order.

    `open` opens a new session as `Spread.session` does, with a conversation of its own for each attempt;
    `heard` is told, in the event loop, how many bytes of the sets are there and how many they have.
    """

    open: Callable[[Opening], Awaitable[Opened]]
    generation: str
    sets: Sequence[ObliviousSet]
    heard: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The verified files of the sets, and the receipt of fetching them; None if all were there already."""

    paths: Sequence[Path]
    receipt: SignedReceipt | None


async def fetched(source: Source, cache: Generation, retries: Retries) -> Fetched:
    """The files of all sets, after what the cache lacks was fetched; older generations are removed then.

    One fetches while others wait, whichever process they are in. Raises `PROOF_INVALID` for fingerprints that
    are not the described ones, and what refuses or breaks the session; what had come by then is kept.
    """
    whole = await _whole(source, cache)
    if len(whole) < len(source.sets):
        async with _alone(cache):
            receipt = await _fetch(source, cache, retries)
            whole = await _whole(source, cache)
            await asyncio.to_thread(cache.remove_others)
        return Fetched([whole[column] for column in range(len(source.sets))], receipt)
    return Fetched([whole[column] for column in range(len(source.sets))], None)


async def _whole(source: Source, cache: Generation) -> Mapping[int, Path]:
    """The files that are there, by column."""
    found = {column: await asyncio.to_thread(cache.whole, one) for column, one in enumerate(source.sets)}
    return {column: path for column, path in found.items() if path is not None}


@asynccontextmanager
async def _alone(cache: Generation) -> AsyncIterator[None]:
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(cache.locked())
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_SECONDS)
        yield


async def _fetch(source: Source, cache: Generation, retries: Retries) -> SignedReceipt | None:
    """Fetches until nothing is lacking; the last session's receipt, None if somebody else has fetched all."""
    receipt: SignedReceipt | None = None
    while len(whole := await _whole(source, cache)) < len(source.sets):
        with ExitStack() as stack:
            partials = {
                column: stack.enter_context(cache.partial(one))
                for column, one in enumerate(source.sets)
                if column not in whole
            }
            begun = {column for column, partial in partials.items() if partial.held}
            try:
                receipt = await _Session(source, partials, retries).receipt()
                await asyncio.to_thread(cache.keep_receipt, receipt)
                await asyncio.to_thread(_finish, partials, begun)
            except SessionBroken as broke:
                await retries.wait(broke.cause)
    return receipt


def _finish(partials: Mapping[int, Partial], begun: Collection[int]) -> None:
    for column, partial in partials.items():
        try:
            partial.finish()
        except FingerprintsWrong:
            # What was there before may have been spoilt on this side: it is gone now, and fetched again.
            if column not in begun:
                raise


class _Session:
    """One session that fetches into `partials`, by column; what is not among them is there already."""

    def __init__(self, source: Source, partials: Mapping[int, Partial], retries: Retries) -> None:
        self._source = source
        self._partials = partials
        self._retries = retries
        self._came = 0

    async def receipt(self) -> SignedReceipt:
        """The receipt, when all has come. Raises `SessionBroken` when the call fails."""
        conversation, call = await self._source.open(self._open)
        try:
            while True:
                response = await _received(call)
                match response.WhichOneof("message"):
                    case "block":
                        await asyncio.to_thread(self._keep, response.block)
                        self._tell()
                    case "receipt":
                        concluded = conversation.concluded(response.receipt, response.allowance)
                        self._check(concluded.receipt.receipt)
                        return concluded.receipt
                    case _:
                        raise violation("message")
        finally:
            call.cancel()

    async def _open(self, stub: "ComparisonServiceAsyncStub", conversation: Conversation) -> Opened:
        call = stub.FetchFingerprints(self._request(conversation))
        try:
            response = await _received(call)
            if not response.HasField("opened"):
                raise violation("message")
            self._opened(conversation, response.opened)
        except BaseException:
            call.cancel()
            raise
        return conversation, call

    def _opened(self, conversation: Conversation, opened: SessionOpened) -> None:
        conversation.opened(opened)
        if opened.generation != self._source.generation:
            raise violation("opened")
        self._retries.begun()

    def _request(self, conversation: Conversation) -> FetchFingerprintsRequest:
        held = [
            self._partials[column].held if column in self._partials else one.fingerprints
            for column, one in enumerate(self._source.sets)
        ]
        return FetchFingerprintsRequest(
            open=conversation.opening,
            generation=self._source.generation,
            held=held,
            request=conversation.state(),
        )

    def _keep(self, block: FingerprintBlock) -> None:
        partial = self._partials.get(block.column)
        count, rest = divmod(len(block.fingerprints), FINGERPRINT_BYTES)
        if partial is None or rest or not count or block.first != partial.held:
            raise violation("block")
        if partial.held + count > self._source.sets[block.column].fingerprints:
            raise violation("block")
        partial.append(block.fingerprints)
        self._came += count
        self._retries.got_on()

    def _tell(self) -> None:
        total = sum(one.fingerprints for one in self._source.sets)
        lacking = sum(
            self._source.sets[column].fingerprints - one.held for column, one in self._partials.items()
        )
        self._source.heard((total - lacking) * FINGERPRINT_BYTES, total * FINGERPRINT_BYTES)

    def _check(self, receipt: Receipt) -> None:
        """Passes if all has come, and the receipt says so; else `PROTOCOL_VIOLATION` or `RECEIPT_INVALID`."""
        if any(one.held < self._source.sets[column].fingerprints for column, one in self._partials.items()):
            raise violation("block")
        charged, held = receipt.fetch.charged_elements, receipt.fetch.held_elements
        require_same(
            ("fetch.fingerprints", receipt.fetch.fingerprints, self._came),
            ("fetch.charged_elements", charged in (0, held) and held >= 0, True),
        )


async def _received(call: _Call) -> FetchFingerprintsResponse:
    try:
        response = await call.read()
    except grpc.aio.AioRpcError as error:
        raise broken(error) from None
    if not isinstance(response, FetchFingerprintsResponse):  # the end of the stream
        raise ended_early()
    return response
