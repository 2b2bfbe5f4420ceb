"""Commands about receipts: show, verify, prove."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.leakage import show_leakage
from stayput_client.cli.options import (
    AsJson,
    Column,
    Delimiter,
    Encoding,
    HomeOption,
    columns_of,
    delimiter_of,
)
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput.v1.log_pb2 import Receipt
    from stayput_client.models.leakages import Leakage

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_TEXTS = ("consumer", "operator", "purpose", "case_number", "grant_id", "ticket_id", "provider", "node_id")
_MOMENTS = ("as_of", "started_at", "finished_at")


@app.command()
def show(
    context: typer.Context,
    *,
    receipt_file: Annotated[Path, typer.Argument(metavar="RECEIPT_FILE")],
    as_json: AsJson = False,
) -> None:
    """Shows a receipt."""
    from stayput_client.receipt_files import claimed

    screen, receipt = Screen.of(context), claimed(_text(receipt_file))
    if as_json:
        screen.json(receipt_json(receipt))
        return
    show_receipt(screen, receipt)
    screen.say("receipt.unverified")


@app.command()
def verify(
    context: typer.Context,
    *,
    receipt_file: Annotated[Path, typer.Argument(metavar="RECEIPT_FILE")],
    home: HomeOption = None,
) -> None:
    """Verifies a receipt."""

    async def run() -> "Receipt":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.verify_receipt(_text(receipt_file))

    receipt, screen = interruptible.run(run()), Screen.of(context)
    show_receipt(screen, receipt)
    screen.say("receipt.verified", node=receipt.node_id)


@app.command()
def prove(
    context: typer.Context,
    *,
    receipt_file: Annotated[Path, typer.Argument(metavar="RECEIPT_FILE")],
    list_file: Annotated[Path, typer.Option("--list", metavar="LIST.csv")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT.csv", show_default=False)] = None,
    column: Column = None,
    encoding: Encoding = None,
    delimiter: Delimiter = ",",
    home: HomeOption = None,
) -> None:
    """Proves what was asked and told."""
    from stayput.receipts import opener_from_file
    from stayput_client.proving import told_record_by_record
    from stayput_client.receipt_files import claimed

    columns, text, screen = columns_of(column or []), _text(receipt_file), Screen.of(context)
    if told_record_by_record(claimed(text)) != (out is not None):
        missing = "receipt.out_missing" if out is None else "receipt.out_unproved"
        raise typer.BadParameter(screen.text(missing), param_hint="--out")

    opener = opener_from_file(text)

    async def run() -> "Receipt":
        from stayput_client.client import Client
        from stayput_client.lists import ClerksList
        from stayput_client.proving import prove as proved
        from stayput_client.proving import prove_list

        async with Client.open(home) as client:
            receipt = await client.verify_receipt(text)
        of = ClerksList.open(list_file, encoding, delimiter_of(delimiter))
        if out is None:
            prove_list(receipt, opener, of, columns)
        else:
            proved(receipt, opener, of, out, columns)
        return receipt

    receipt = interruptible.run(run())
    show_receipt(screen, receipt)
    done = "receipt.proved" if out else "receipt.proved_list"
    if opener is not None and opener.first_chunk > 0:
        done = "receipt.proved_rest"
    screen.say(done, node=receipt.node_id, records=f"{receipt.records:,}")


def _text(receipt_file: Path) -> str:
    # What is no UTF-8 is no receipt either, and is refused as such.
    return receipt_file.read_text("utf-8", errors="replace")


def receipt_json(receipt: "Receipt") -> dict[str, Json]:
    """A receipt as JSON."""
    tallies: list[Json] = [{"name": name, "counts": {**counts}} for name, counts in _tallies(receipt)]
    return {**_fields(receipt), "tallies": tallies}


def show_receipt(screen: Screen, receipt: "Receipt") -> None:
    """Shows what a receipt says, and who learns what in its mode."""
    fields = _fields(receipt)
    rows = [(screen.text(f"receipt.{name}"), _shown(value)) for name, value in fields.items()]
    for compared, counts in _tallies(receipt):
        counted = ", ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
        told = counted or screen.text("totals.not_told")
        rows.append((screen.text("receipt.counts", compared=compared), told))
    screen.facts(("receipt.name", "receipt.value"), rows)
    leakage = _leakage(receipt)
    if leakage is not None:
        show_leakage(screen, leakage)


def _leakage(receipt: "Receipt") -> "Leakage | None":
    """The statement that the receipt names, if it is the one of this release."""
    from stayput.leakage import IDS
    from stayput_client.models.leakages import leakages
    from stayput_client.models.vocabulary import Granularity, Mode

    if not receipt.leakage or IDS.get((receipt.mode, receipt.granularity)) != receipt.leakage:
        return None
    return leakages((), [Mode(receipt.mode)], [Granularity(receipt.granularity)])[0]


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _fields(receipt: "Receipt") -> dict[str, Json]:
    from stayput.v1.contract_pb2 import Granularity, Mode
    from stayput.v1.log_pb2 import SessionEnd
    from stayput_client.models.vocabulary import moment

    return {
        "session_id": receipt.session_id.hex(),
        **{name: getattr(receipt, name) for name in _TEXTS},
        "resource": receipt.resource,
        "generation": receipt.generation,
        "mode": Mode.Name(receipt.mode).removeprefix("MODE_"),
        "granularity": Granularity.Name(receipt.granularity).removeprefix("GRANULARITY_"),
        "key": receipt.key,
        "checks": list(receipt.checks),
        "records": receipt.records,
        **_of_mode(receipt),
        "leakage": receipt.leakage,
        **{name: moment(getattr(receipt, name)).isoformat() for name in _MOMENTS},
        "end": SessionEnd.Name(receipt.end).removeprefix("SESSION_END_"),
        "sequence": receipt.sequence,
        "software_version": receipt.software_version,
    }


def _of_mode(receipt: "Receipt") -> dict[str, Json]:
    """What only receipts of some modes and granularities say."""
    from stayput.v1.contract_pb2 import GRANULARITY_COUNT, MODE_OBLIVIOUS

    names = []
    if receipt.mode == MODE_OBLIVIOUS:
        names = ["elements", "repeated_elements", "oblivious_suite", "key_epoch"]
    elif receipt.granularity == GRANULARITY_COUNT:
        names = ["suite", "distinct_records", "count_minimum", "noise_epsilon_milli"]
    said: dict[str, Json] = {name: getattr(receipt, name) for name in names or ["suite"]}
    if receipt.HasField("fetch"):
        fetch = receipt.fetch
        said |= {f"fetch_{field.name}": getattr(fetch, field.name) for field in fetch.DESCRIPTOR.fields}
    return said


def _tallies(receipt: "Receipt") -> list[tuple[str, dict[str, int]]]:
    from stayput.v1.contract_pb2 import OutcomeCode

    # A receipt that is only shown may hold anything, also fewer or more tallies than names.
    return [
        (
            name,
            {OutcomeCode.Name(one.outcome).removeprefix("OUTCOME_CODE_"): one.count for one in tally.counts},
        )
        for name, tally in zip([receipt.key, *receipt.checks], receipt.tallies, strict=False)
    ]
