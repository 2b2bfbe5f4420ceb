"""`log verify` and `log reconcile`: is the chain whole, and does the platform's log say the same."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from provider_node.cli.options import CONFIG, Config, Json
from provider_node.cli.output import print_object, printable, say, sentence, word

if TYPE_CHECKING:
    from provider_node.config import NodeConfig
    from provider_node.domain.chain import Fault
    from provider_node.domain.reconciliation import Difference
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

_Object: TypeAlias = dict[str, str | int]


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
    as_json: Json = False,
) -> None:
    """Verify the whole chain of receipts; exit code 1 if anything is wrong (校验回执链).

    With --json: `receipts`, how many were read, and `faults`, each with the numbers of the `first` and the
    `last` receipt, the `field` or nothing, and its `kind`: damaged, missing, signature, old_key, number,
    previous_hash, inconsistent, grant_unknown, grant_differs or confirmed_missing (--json 逐项列出问题).
    """
    from provider_node.config import load_node
    from provider_node.domain.chain import Chain, keys_of
    from provider_node.domain.keys import NodeKeys
    from provider_node.store.receipt_log import reading

    loaded = load_node(config)
    keys = keys_of(key.read_text("ascii", errors="replace")) if key else []
    keys.append(NodeKeys.of(loaded).signing_key().public_key().public_bytes_raw())
    told: list[_Object] = []
    tell = _kept_in(told) if as_json else _said(_FAULTS)
    count, faults, first = 0, 0, 0
    with reading(loaded.node.data / "state") as log:
        # What is confirmed before the walk must be found by it.
        delivered = log.delivered_through()
        chain = Chain(loaded.node.id, loaded.node.department, keys, log.grant)
        for kept in _watched(log.walk(), log.count()):
            count += 1
            for fault in chain.check(kept):
                faults, first = faults + 1, first or fault.first
                tell(fault)
        for fault in chain.end(delivered):
            faults, first = faults + 1, first or fault.first
            tell(fault)
    if as_json:
        print_object({"receipts": count, "faults": told})
    elif faults:
        say("chain_broken", count=count, faults=faults, first=first)
    else:
        say("chain_whole", count=count)
    if faults:
        raise typer.Exit(1)


def _watched(walk: "Iterator[KeptReceipt]", count: int) -> "Iterator[KeptReceipt]":
    """The same receipts, with a bar at a terminal that shows how far it has got."""
    if not sys.stderr.isatty():
        yield from walk
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(transient=True, console=Console(stderr=True)) as bar:
        yield from bar.track(walk, total=count, description=word("verifying"))


def _said(texts: Mapping[str, str]) -> "Callable[[Fault | Difference], None]":
    """Tells a person what was found, as soon as it is; `texts` are the names of texts by kind."""

    def say_one(one: "Fault | Difference") -> None:
        alone = one.first == one.last
        place = sentence("one_receipt" if alone else "receipts_from_to", first=one.first, last=one.last)
        typer.echo(printable(place + sentence(texts[one.kind.value], field=one.field)))

    return say_one


def _kept_in(told: list[_Object]) -> "Callable[[Fault | Difference], None]":
    """Keeps what was found for a program, which reads it as a whole."""

    def keep_one(one: "Fault | Difference") -> None:
        told.append({"kind": one.kind.value, "first": one.first, "last": one.last, "field": one.field})

    return keep_one


def reconcile(config: Config = CONFIG, as_json: Json = False) -> None:
    """Compare the chain with the platform's log; exit code 1 if they differ (与平台日志对账).

    With --json: how many receipts `node` and `platform` have and how many `agree`, and `differences`, each
    with the numbers of the `first` and the `last` receipt, the `field` or nothing, and its `kind`:
    missing_at_platform, unknown_to_node, other_content, shown_otherwise, out_of_order, damaged_at_node, or
    waiting, which is on its way and does not count for the exit code (--json 逐项列出差异).
    """
    import asyncio

    from provider_node.config import load_node

    if asyncio.run(_reconciled(load_node(config), as_json)):
        raise typer.Exit(1)


async def _reconciled(config: "NodeConfig", as_json: bool) -> int:
    """Tells every difference; returns how many there are, not counting what is on its way."""
    from provider_node.domain.keys import NodeKeys
    from provider_node.domain.platform import Platform
    from provider_node.domain.reconciliation import DifferenceKind, Tally, differences
    from provider_node.store.receipt_log import reading

    enrolled = NodeKeys.of(config).enrolled()
    platform = Platform(config.node.comparator or enrolled.comparator_address, enrolled.credentials)
    told: list[_Object] = []
    tell = _kept_in(told) if as_json else _said(_DIFFERENCES)
    tally, count = Tally(), 0
    try:
        with reading(config.node.data / "state") as log:
            async for one in differences(log, platform.logged_receipts, config.node.id, tally):
                count += one.kind is not DifferenceKind.WAITING
                tell(one)
    finally:
        await platform.close()
    counts = {"node": tally.node, "platform": tally.platform, "agree": tally.agree}
    if as_json:
        print_object({**counts, "differences": told})
    else:
        say("reconciled", **counts, differences=count)
    return count
