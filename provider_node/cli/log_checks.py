"""`log verify` and `log reconcile`: is the chain whole, and does the platform's log say the same."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from provider_node.cli.options import CONFIG, Config
from provider_node.cli.output import printable, say, sentence, word

if TYPE_CHECKING:
    from provider_node.config import NodeConfig
    from provider_node.store.receipt_log import KeptReceipt

_FAULTS: Final = {
    "damaged": "fault_damaged",
    "missing": "fault_missing",
    "signature": "fault_signature",
    "old_key": "fault_old_key",
    "number": "fault_number",
    "previous_hash": "fault_previous_hash",
    "inconsistent": "fault_inconsistent",
    "grant_unknown": "fault_grant_unknown",
    "grant_differs": "fault_grant_differs",
    "confirmed_missing": "fault_confirmed_missing",
}
_DIFFERENCES: Final = {
    "missing_at_platform": "differs_missing",
    "waiting": "differs_waiting",
    "unknown_to_node": "differs_unknown",
    "other_content": "differs_content",
    "shown_otherwise": "differs_shown",
    "out_of_order": "differs_order",
    "damaged_at_node": "fault_damaged",
}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(verify)
    app.command()(reconcile)


def verify(
    config: Config = CONFIG,
    key: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Public keys of earlier enrolments, one a line, the oldest first. 历次公钥，旧者在先。",
        ),
    ] = None,
) -> None:
    """Verify the whole chain of receipts; exit code 1 if anything is wrong (校验回执链)."""
    from provider_node.config import load_node
    from provider_node.domain.chain import Chain, keys_of
    from provider_node.domain.keys import NodeKeys
    from provider_node.store.receipt_log import reading

    loaded = load_node(config)
    keys = keys_of(key.read_text("ascii", errors="replace")) if key else []
    keys.append(NodeKeys(loaded.node.data).signing_key().public_key().public_bytes_raw())
    count, faults, first = 0, 0, 0
    with reading(loaded.node.data / "state") as log:
        # What is confirmed before the walk must be found by it.
        delivered = log.delivered_through()
        chain = Chain(loaded.node.id, loaded.node.department, keys, log.grant)
        for kept in _watched(log.walk(), log.count()):
            count += 1
            for fault in chain.check(kept):
                faults, first = faults + 1, first or fault.first
                _tell(_FAULTS[fault.kind.value], fault.first, fault.last, fault.field)
        for fault in chain.end(delivered):
            faults, first = faults + 1, first or fault.first
            _tell(_FAULTS[fault.kind.value], fault.first, fault.last, fault.field)
    if faults:
        say("chain_broken", count=count, faults=faults, first=first)
        raise typer.Exit(1)
    say("chain_whole", count=count)


def _watched(walk: "Iterator[KeptReceipt]", count: int) -> "Iterator[KeptReceipt]":
    """The same receipts, with a bar at a terminal that shows how far it has got."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as bar:
        yield from bar.track(walk, total=count, description=word("verifying"))


def _tell(text: str, first: int, last: int, field: str) -> None:
    place = sentence("one_receipt" if first == last else "receipts_from_to", first=first, last=last)
    typer.echo(printable(place + sentence(text, field=field)))


def reconcile(config: Config = CONFIG) -> None:
    """Compare the chain with the platform's log; exit code 1 if they differ (与平台日志对账)."""
    from provider_node.config import load_node

    if asyncio.run(_reconciled(load_node(config))):
        raise typer.Exit(1)


async def _reconciled(config: "NodeConfig") -> int:
    """Tells every difference; returns how many there are, not counting what is on its way."""
    from provider_node.domain.keys import NodeKeys
    from provider_node.domain.platform import Platform
    from provider_node.domain.reconciliation import DifferenceKind, Tally, differences
    from provider_node.store.receipt_log import reading

    enrolled = NodeKeys(config.node.data).enrolled()
    platform = Platform(config.node.comparator or enrolled.comparator_address, enrolled.credentials)
    tally, count = Tally(), 0
    try:
        with reading(config.node.data / "state") as log:
            async for one in differences(log, platform.logged_receipts, config.node.id, tally):
                count += one.kind is not DifferenceKind.WAITING
                _tell(_DIFFERENCES[one.kind.value], one.first, one.last, one.field)
    finally:
        await platform.close()
    say("reconciled", node=tally.node, platform=tally.platform, agree=tally.agree, differences=count)
    return count
