"""The SDK's one entrance: a department's connection to the platform and to providers' nodes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import grpc.aio

from stayput import identity, receipts
from stayput.errors import StayputError
from stayput.rpc.tls import Credentials, channel
from stayput.v1 import access_pb2
from stayput.v1.catalogue_pb2 import ListResourcesRequest, Resource
from stayput.v1.log_pb2 import Receipt
from stayput_client.agreeing import Agreeing, Department
from stayput_client.agreements import AGREEMENT_SECONDS, Recent
from stayput_client.conversation import Signer
from stayput_client.describing import described_with_allowances
from stayput_client.home import Home, default_home
from stayput_client.list_comparison import ListJob, ProgressCallback, compare_list
from stayput_client.models.applications import Application, application
from stayput_client.models.grants import Grant
from stayput_client.models.resources import Description, ResourceSummary, resource_summary
from stayput_client.models.vocabulary import Category, Granularity, Mode, Sharing
from stayput_client.nodes import Node, Place
from stayput_client.oblivious import ObliviousAgreed, agreed_obliviously, forget_fingerprints
from stayput_client.platform import Comparator
from stayput_client.receipt_files import claimed
from stayput_client.record_comparison import compare_records
from stayput_client.results import Comparison, Progress, Stage, Summary, Totals
from stayput_client.session import Agreed, Request
from stayput_client.totals import count_list, count_records, totals_path


def _now() -> datetime:
    return datetime.now(UTC)


class Client:
    """A department's client; `async with Client.open() as client`. Failures are `StayputError`.

    `clock` gives the time (aware) by which grants are judged.
    """

    def __init__(self, home: Home, clock: Callable[[], datetime] = _now) -> None:
        self._home = home
        files = home.identity()
        self._credentials = Credentials(*files.tls())
        self._platform = files.platform()
        signer = Signer(files.signing_key(), clock)
        self._department = Department(home, self._platform.department, signer, clock)
        self._stack = AsyncExitStack()
        self._agreements: Recent[Request, Agreed] = Recent()
        self._nodes: dict[tuple[str, ...], Node] = {}
        self._places: dict[tuple[str, str], Place] = {}

    @classmethod
    def open(cls, home: Path | None = None) -> Self:
        """The client of the identity in `home` (`$STAYPUT_HOME`, else `~/.stayput`).

        Raises `CERTIFICATE_REQUIRED` if none is there.
        """
        return cls(Home(home or default_home()))

    async def __aenter__(self) -> Self:
        address = self._platform.comparator_address
        opened = channel(address, identity.COMPARATOR_NAME, self._credentials)
        self._comparator = Comparator(await self._stack.enter_async_context(opened))
        self._agreeing = Agreeing(self._department, self._comparator, self._node)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def catalogue(
        self,
        query: str = "",
        *,
        categories: Sequence[Category] = (),
        sharings: Sequence[Sharing] = (),
        provider: str = "",
        modes: Sequence[Mode] = (),
    ) -> list[ResourceSummary]:
        """Resources of the platform by code: all, or those that fit all that is given.

        `query` are words that all must occur in the entry, in any case. An entry fits one of `categories`,
        one of `sharings`, `provider` by its code, and offers all of `modes`.
        """
        search = ListResourcesRequest(
            query=query,
            categories=[one.value for one in categories],
            sharings=[one.value for one in sharings],
            provider=provider,
            modes=[one.value for one in modes],
        )
        return [resource_summary(entry) for entry in await self._comparator.resources(search)]

    async def describe(self, resource: str) -> Description:
        """What a resource's own node says of it, verified with the node's key, which is pinned at first use.

        With it comes what is left today of each of this department's grants on it, which is not signed.
        Raises `RESOURCE_UNKNOWN`, `RESOURCE_NOT_READY`, `PINNED_KEY_CHANGED`, `PROTOCOL_VIOLATION`,
        `UNSUPPORTED`.
        """
        entry = await self._comparator.resource(resource)
        node = self._node(entry)

        async def attempt(place: Place) -> Description:
            return await described_with_allowances(entry, place.stub, self._home, node.describe_seconds)

        return await node.anywhere(attempt)

    async def apply(  # noqa: PLR0913 (each is one thing that an application says)
        self,
        *,
        resource: str,
        key: str,
        checks: Sequence[str] = (),
        mode: Mode = Mode.KEYED,
        granularity: Granularity = Granularity.RECORD,
        purpose: str,
        legal_basis: str,
        matter: str,
        security_agreement: str = "",
        records_per_day: int = 0,
    ) -> Application:
        """Applies for outcomes of a key and checks, in one mode and granularity, for a matter (办理事项).

        `security_agreement` is the reference of the agreement between the two departments, without which a
        grant is refused by default; it may be concluded later. `records_per_day` 0 means not stated. Raises
        `RESOURCE_UNKNOWN`, `RESOURCE_NOT_SHARED`, `FIELD_INVALID`.
        """
        wanted = access_pb2.Application(
            resource=resource,
            key=key,
            checks=checks,
            mode=mode.value,
            granularity=granularity.value,
            purpose=purpose,
            legal_basis=legal_basis,
            matter=matter,
            security_agreement=security_agreement,
            expected_records_per_day=records_per_day,
        )
        return application(await self._comparator.apply(wanted))

    async def withdraw(self, application_id: str, reason: str = "") -> Application:
        """Takes an application back that awaits its decision; the provider reads the reason.

        Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED`, `FIELD_INVALID`.
        """
        return application(await self._comparator.withdraw(application_id, reason))

    async def applications(self) -> list[Application]:
        """This department's applications, newest first."""
        return [application(one) for one in await self._comparator.applications()]

    async def grants(self) -> list[Grant]:
        """This department's grants, newest first, each verified with the key of the node that gave it.

        Cached fingerprints that no active grant covers any more are removed. Raises `PROTOCOL_VIOLATION` or
        `UNSUPPORTED` if the platform does not say whether one may be used.
        """
        keys = {entry.node_id: entry.signing_key for entry in await self._comparator.resources()}
        held = await self._agreeing.grants(keys)
        await asyncio.to_thread(forget_fingerprints, self._home, held)
        return held

    async def compare(  # noqa: PLR0913 (each is one thing that a caller may say)
        self,
        records: Iterable[Mapping[str, str]],
        *,
        resource: str,
        key: str,
        checks: Sequence[str] = (),
        mode: Mode = Mode.KEYED,
        operator: str = "",
        purpose: str = "",
        case_number: str = "",
        grant: str | None = None,
    ) -> Comparison:
        """Compares records given as mappings from field name to raw text.

        `operator` and `purpose` default to the home's settings, then to the grant's purpose. Without `grant`
        the only active grant is used that covers the request and permits it to this operator now.
        Description, grant and ticket are kept for a minute (the ticket while it lives), so that one record
        after another costs one call each.
        """
        granularity = Granularity.RECORD
        request = Request(
            resource, key, tuple(checks), mode, granularity, operator, purpose, case_number, grant
        )

        async def agreed() -> tuple[Agreed, float]:
            return await self._agreeing.agree(request), AGREEMENT_SECONDS

        try:
            kept = await self._agreements.get(request, agreed)
            return await compare_records(self._obliviously(mode, kept) or kept, records)
        except StayputError:
            # Whatever was kept may be what it failed for: the next call agrees anew.
            self._agreements.forget()
            self._comparator.forget_tickets()
            raise

    async def compare_csv(  # noqa: PLR0913 (each is one thing that a caller may say)
        self,
        list_path: Path,
        out_path: Path,
        *,
        resource: str,
        key: str,
        checks: Sequence[str] = (),
        mode: Mode = Mode.KEYED,
        columns: Mapping[str, str] | None = None,
        operator: str = "",
        purpose: str = "",
        case_number: str = "",
        grant: str | None = None,
        encoding: str | None = None,
        delimiter: str = ",",
        force: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Summary:
        """Compares a delimited file with a header into `out_path`, in the same encoding and delimiter.

        The output has the list's columns, then `outcome`, `outcome_<check>` for each check, and `reason`; the
        receipt is written beside it as `<out_path>.receipt.json`, that of fetching fingerprints as
        `<out_path>.fetch.receipt.json`. `columns` gives the column of a field where
        neither the field's name nor its title is one. `encoding` (utf-8 or gb18030) is detected unless given.
        Without `force` an existing output is not overwritten. Memory is bounded whatever the list's size.

        Raises `CutShort` when the session broke under way (what was answered is kept), `StayputError`,
        `DelimitedError` or `OSError` when nothing was written.
        """
        job = await asyncio.to_thread(
            ListJob.open, list_path, out_path, columns or {}, encoding, delimiter, force=force
        )
        granularity = Granularity.RECORD
        request = Request(
            resource, key, tuple(checks), mode, granularity, operator, purpose, case_number, grant
        )
        agreed = await self._agreeing.agree(request)
        return await compare_list(self._obliviously(mode, agreed, progress) or agreed, job, progress)

    async def count(  # noqa: PLR0913 (each is one thing that a caller may say)
        self,
        records: Iterable[Mapping[str, str]],
        *,
        resource: str,
        key: str,
        checks: Sequence[str] = (),
        mode: Mode = Mode.KEYED,
        operator: str = "",
        purpose: str = "",
        case_number: str = "",
        grant: str | None = None,
    ) -> Totals:
        """Counts how many of the records agree, and no more; parameters as for `compare`.

        The grant must be for granularity COUNT. Raises `LIST_TOO_SHORT` if fewer different records than its
        minimum are given, and in keyed mode `LIST_OVERLAPS` if they are nearly those of an earlier count.
        """
        granularity = Granularity.COUNT
        request = Request(
            resource, key, tuple(checks), mode, granularity, operator, purpose, case_number, grant
        )
        agreed = await self._agreeing.agree(request)
        return await count_records(agreed, self._obliviously(mode, agreed), records)

    async def count_csv(  # noqa: PLR0913 (each is one thing that a caller may say)
        self,
        list_path: Path,
        out_path: Path | None = None,
        *,
        resource: str,
        key: str,
        checks: Sequence[str] = (),
        mode: Mode = Mode.KEYED,
        columns: Mapping[str, str] | None = None,
        operator: str = "",
        purpose: str = "",
        case_number: str = "",
        grant: str | None = None,
        encoding: str | None = None,
        delimiter: str = ",",
        force: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Totals:
        """As `count`, for a delimited file with a header; files and other parameters as for `compare_csv`.

        The output, `LIST.totals.csv` beside `LIST.csv` unless `out_path` is given, has a line for each total.
        When the session breaks, nothing is told and nothing is written.
        """
        out = out_path or totals_path(list_path)
        job = await asyncio.to_thread(
            ListJob.open, list_path, out, columns or {}, encoding, delimiter, force=force
        )
        granularity = Granularity.COUNT
        request = Request(
            resource, key, tuple(checks), mode, granularity, operator, purpose, case_number, grant
        )
        agreed = await self._agreeing.agree(request)
        return await count_list(agreed, self._obliviously(mode, agreed, progress), job, progress)

    async def verify_receipt(self, text: str) -> Receipt:
        """The receipt in a receipt file's text, verified with its node's pinned key, else the catalogue's.

        Raises `RECEIPT_INVALID`, or `RESOURCE_UNKNOWN` if no key of that node can be found.
        """
        receipt = claimed(text)
        signing_key = self._home.known_node(receipt.node_id)
        if signing_key is None:
            entry = await self._comparator.resource(receipt.resource)
            if entry.node_id != receipt.node_id:
                raise receipts.receipt_invalid("its node does not offer its resource")
            signing_key = entry.signing_key
        return receipts.verify(receipts.from_file(text), signing_key)

    def _obliviously(
        self, mode: Mode, agreed: Agreed, progress: ProgressCallback | None = None
    ) -> ObliviousAgreed | None:
        """What the oblivious mode needs beside what is agreed, for one comparison; None in keyed mode."""
        if mode is Mode.KEYED:
            return None

        def fetching(done: int, total: int) -> None:
            if progress is not None:
                progress(Progress(done, total, Stage.FETCHING))

        return agreed_obliviously(agreed, self._home, fetching)

    def _node(self, entry: Resource) -> Node:
        # What one node's addresses have done is remembered, also when the catalogue adds or drops another.
        addresses = dict.fromkeys((entry.address, *entry.replica_addresses))
        at = (entry.node_id, *addresses)
        if at not in self._nodes:
            self._nodes[at] = Node([self._place(entry.node_id, address) for address in addresses])
        return self._nodes[at]

    def _place(self, node_id: str, address: str) -> Place:
        name = identity.node(node_id).tls_name

        def dial(to: str) -> grpc.aio.Channel:
            opened = channel(to, name, self._credentials)
            self._stack.push_async_exit(opened)
            return opened

        return self._places.setdefault((node_id, address), Place(address, dial))
