"""`log`: the node's own receipts, searched, verified, taken out, and compared with the platform's log."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from provider_node.cli import log_checks
from provider_node.cli.options import CONFIG, Config, Json
from provider_node.cli.output import local, print_json, print_table, say, word

if TYPE_CHECKING:
    from stayput.v1.admin_pb2 import ListReceiptsRequest, ListReceiptsResponse, NodeReceipt

Since = Annotated[datetime | None, typer.Option(help="Made at or after this time. 此时及以后。")]
Until = Annotated[datetime | None, typer.Option(help="Made before this time. 此时之前。")]
_LARGEST_PAGE: Final = 1_000
_MODE: Final = 0o600


class End(StrEnum):
    """How a session ended; the names are those of `SessionEnd`."""

    COMPLETE = "complete"
    CUT_BY_CONSUMER = "cut-by-consumer"
    CUT_BY_NODE = "cut-by-node"
    NODE_CRASHED = "node-crashed"


_ENDS: Final = {
    1: "end_complete",
    2: "end_cut_by_consumer",
    3: "end_cut_by_node",
    4: "end_node_crashed",
}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command()(search)
    log_checks.register(group)
    group.command()(export)
    app.add_typer(group, name="log", help="The node's own receipts, without the platform (本节点回执日志).")


def search(
    *,
    config: Config = CONFIG,
    as_json: Json = False,
    since: Since = None,
    until: Until = None,
    consumer: Annotated[str, typer.Option(help="Code of the department. 使用部门代码。")] = "",
    operator: Annotated[str, typer.Option(help="Who asked, exactly. 经办人。")] = "",
    case_number: Annotated[str, typer.Option(help="Case number, exactly. 案件编号。")] = "",
    grant: Annotated[str, typer.Option(help="Id of the grant. 授权编号。")] = "",
    resource: Annotated[str, typer.Option(help="Code of the resource. 资源代码。")] = "",
    end: Annotated[End | None, typer.Option(help="How the session ended. 会话结束方式。")] = None,
    least_records: Annotated[int, typer.Option(min=0, help="At least so many records. 最少条数。")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many. 最多显示份数。")] = 50,
) -> None:
    """Show receipts, newest first, whether or not the node is running (查询回执)."""
    from stayput.v1.admin_pb2 import ListReceiptsRequest
    from stayput.v1.log_pb2 import SessionEnd

    asked = ListReceiptsRequest(
        consumer=consumer,
        operator=operator,
        case_number=case_number,
        grant_id=grant,
        resource=resource,
        least_records=least_records,
    )
    _set_times(asked, since, until)
    if end is not None:
        asked.end = SessionEnd.Value(f"SESSION_END_{end.name}")
    found = _searched(config, asked, limit)
    if as_json:
        print_json(found)
        return
    headers = ("number", "finished", "consumer", "operator", "case", "resource", "grant")
    print_table((*headers, "records", "found", "end", "delivered"), (_row(one) for one in found.receipts))
    if found.next_page_token:
        say("more_receipts", limit=limit)


def _set_times(asked: "ListReceiptsRequest", since: datetime | None, until: datetime | None) -> None:
    # What a person types is the time on the wall here.
    if since is not None:
        asked.from_time.FromDatetime(since.astimezone())
    if until is not None:
        asked.until_time.FromDatetime(until.astimezone())


def _searched(config: Path, asked: "ListReceiptsRequest", limit: int) -> "ListReceiptsResponse":
    import asyncio

    from provider_node.config import load_node
    from provider_node.store.run_directory import RunDirectory

    loaded = load_node(config)
    data = loaded.node.data
    if RunDirectory(data).answers():
        from provider_node.cli.link import asked as ask_node

        return asyncio.run(ask_node(loaded, lambda node: _collected(node.ListReceipts, asked, limit)))
    from provider_node.domain.receipt_log import search as search_log
    from provider_node.store.receipt_log import reading

    with reading(data / "state") as log:

        async def page(request: "ListReceiptsRequest") -> "ListReceiptsResponse":
            return search_log(log, request)

        return asyncio.run(_collected(page, asked, limit))


async def _collected(
    page: "Callable[[ListReceiptsRequest], Awaitable[ListReceiptsResponse]]",
    asked: "ListReceiptsRequest",
    limit: int,
) -> "ListReceiptsResponse":
    """As many receipts as wanted, from as many pages as that takes."""
    from stayput.v1.admin_pb2 import ListReceiptsResponse

    found = ListReceiptsResponse()
    while True:
        asked.page_size = min(_LARGEST_PAGE, limit - len(found.receipts))
        answer = await page(asked)
        found.receipts.extend(answer.receipts)
        found.next_page_token = asked.page_token = answer.next_page_token
        if not answer.next_page_token or len(found.receipts) >= limit:
            return found


def _row(one: "NodeReceipt") -> tuple[str, ...]:
    from stayput.receipts import found

    delivered = word("yes" if one.delivered else "no")
    if not one.HasField("receipt"):
        return (str(one.sequence), word("damaged"), *[""] * 8, delivered)
    receipt = one.receipt
    end, by_key = _ENDS.get(receipt.end), found(receipt)
    return (
        str(one.sequence),
        local(receipt.finished_at),
        receipt.consumer,
        receipt.operator,
        receipt.case_number,
        receipt.resource,
        receipt.grant_id,
        f"{receipt.records:,}",
        "" if by_key is None else f"{by_key:,}",
        word(end) if end else "",
        delivered,
    )


def export(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", dir_okay=False, help="Where to. 输出文件。")
    ],
    *,
    config: Config = CONFIG,
    first: Annotated[int, typer.Option(min=1, help="From this number on. 起始编号。")] = 1,
    last: Annotated[int | None, typer.Option(min=1, help="Up to this number. 截止编号。")] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write signed receipts to a file, one a line (导出带签名的回执)."""
    from provider_node.config import load_node
    from provider_node.domain.receipt_log import envelopes
    from provider_node.store.receipt_log import reading
    from stayput.receipts import to_line
    from stayput.v1.admin_pb2 import ListReceiptsRequest

    asked = ListReceiptsRequest()
    _set_times(asked, since, until)
    data = load_node(config).node.data
    # The name comes last: a file of that name is complete.
    unfinished = output.with_name(output.name + ".new")
    count = 0
    with reading(data / "state") as log:
        chosen = envelopes(log, asked, first, log.last_number() if last is None else last)
        try:
            # Operators and case numbers are nobody else's business.
            unfinished.touch(_MODE)
            with unfinished.open("w", encoding="ascii") as file:
                for count, envelope in enumerate(chosen, start=1):  # noqa: B007 (told below)
                    file.write(to_line(envelope) + "\n")
            unfinished.replace(output)
        finally:
            unfinished.unlink(missing_ok=True)
    say("exported", count=count, file=output)
