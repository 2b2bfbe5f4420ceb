"""ReplicaService: what a replica serves with, and the accounts of its sessions, over gRPC."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Self, TypeAlias

from provider_node.domain.replicas.admission import replica_name
from provider_node.domain.replicas.files_of_generation import ReadableFiles
from provider_node.domain.replicas.followers import Followers
from provider_node.store.replicas import Replicas
from stayput.identity import Caller, Kind, Party, checked_code
from stayput.rpc.server import Context, caller
from stayput.v1.comparison_pb2 import Allowance
from stayput.v1.replica_pb2 import (
    AccountRequest,
    AccountResponse,
    FollowRequest,
    FollowResponse,
    ListAllowancesRequest,
    ListAllowancesResponse,
    ReadFileRequest,
    ReadFileResponse,
)
from stayput.v1.replica_pb2_grpc import ReplicaServiceServicer

Allowances: TypeAlias = Callable[[Party, str], Sequence[Allowance]]
"""What is left to a department on a resource; called in a thread."""
Keep: TypeAlias = Callable[[str, AsyncIterator[AccountRequest]], AsyncGenerator[AccountResponse, None]]
"""Keeps the account of one session at the replica of that name."""


class ReplicaServicer(ReplicaServiceServicer):
    """Converts and forwards, for replicas that are on the list."""

    def __init__(
        self,
        *,
        replicas: Replicas,
        followers: Followers,
        files: ReadableFiles,
        allowances: Allowances,
        keep: Keep,
    ) -> None:
        self._replicas = replicas
        self._followers = followers
        self._files = files
        self._allowances = allowances
        self._keep = keep

    async def Follow(
        self, request_iterator: AsyncIterator[FollowRequest], context: Context
    ) -> AsyncIterator[FollowResponse]:
        """What a replica serves with, for as long as it is connected."""
        async with aclosing(self._followers.follow(caller(context), request_iterator)) as responses:
            async for response in responses:
                yield response

    async def ReadFile(self, request: ReadFileRequest, context: Context) -> AsyncIterator[ReadFileResponse]:
        """A file of a generation, from a place on."""
        replica_name(caller(context), self._replicas)
        reading = self._files.read(request.resource, request.generation, request.path, request.offset)
        async with aclosing(reading) as pieces:
            async for piece in pieces:
                yield ReadFileResponse(content=piece)

    async def ListAllowances(
        self, request: ListAllowancesRequest, context: Context
    ) -> ListAllowancesResponse:
        """What is left to a department on a resource."""
        replica_name(caller(context), self._replicas)
        consumer = Party(Kind.DEPARTMENT, checked_code(request.consumer, "consumer"))
        allowances = await asyncio.to_thread(self._allowances, consumer, request.resource)
        return ListAllowancesResponse(allowances=allowances)

    async def Account(
        self, request_iterator: AsyncIterator[AccountRequest], context: Context
    ) -> AsyncIterator[AccountResponse]:
        """The account of one session."""
        who = caller(context)
        name = replica_name(who, self._replicas)
        async with aclosing(self._keep(name, _Admitted(request_iterator, who, self._replicas))) as responses:
            async for response in responses:
                yield response


class _Admitted:
    """What a replica sends while it is on the list: `NOT_PERMITTED` in place of what comes afterwards."""

    def __init__(self, requests: AsyncIterator[AccountRequest], who: Caller, replicas: Replicas) -> None:
        self._requests = requests
        self._who = who
        self._replicas = replicas

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccountRequest:
        request = await anext(self._requests)
        replica_name(self._who, self._replicas)
        return request
