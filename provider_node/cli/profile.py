"""`profile`: what a source holds and what is wrong with it, before it is published."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Json, Resource

if TYPE_CHECKING:
    from provider_node.cli.profile_wording import Wording
    from provider_node.config import NodeConfig, ResourceConfig
    from provider_node.domain.profile import Profile, Step


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(profile)


def profile(
    resource: Resource,
    config: Config = CONFIG,
    rows: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read only the first N rows. 只读取前 N 行。")
    ] = None,
    as_json: Json = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts too. 另存为带图表的网页。")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if something is to be put right. 有问题时返回 1。")
    ] = False,
) -> None:
    """Profile a source before publishing, without showing a value (发布前检查数据质量，不显示任何数据)."""
    from provider_node.cli.output import print_object, printable
    from provider_node.cli.profile_table import show
    from provider_node.cli.profile_wording import Wording
    from provider_node.config import load_node, resource_of
    from provider_node.domain.profile import Level, document
    from stayput.language import language_of

    word = Wording(language_of())
    node = load_node(config)
    found = _profiled(node, resource_of(node, resource), rows, word)
    if html is not None:
        from provider_node.cli.profile_page import page

        html.write_text(page(found), "utf-8")
    if as_json:
        print_object(document(found))
    else:
        show(found, word)
        if html is not None:
            typer.echo(printable(word("written", file=html)))
    if strict and any(one.level is Level.FIX for one in found.findings):
        raise typer.Exit(1)


def _profiled(node: "NodeConfig", resource: "ResourceConfig", rows: int | None, word: "Wording") -> "Profile":
    from datetime import UTC, datetime
    from secrets import token_bytes

    from provider_node.config import limits_of
    from provider_node.domain.profile import KEY_BYTES, Run
    from provider_node.domain.profile import profile as profiled

    with _progress(word) as progress:
        run = Run(
            attempts=limits_of(node, resource).attempts_per_subject,
            now=datetime.now(UTC),
            key=token_bytes(KEY_BYTES),
            progress=progress,
            most_rows=rows,
        )
        return profiled(resource, run)


@contextmanager
def _progress(word: "Wording") -> "Iterator[Callable[[Step], None]]":
    """Shows how far it is at a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task(word("profiling"), total=None, told="")

        def told(step: "Step") -> None:
            bar.update(
                task,
                completed=step.bytes_read,
                total=step.bytes_total or None,
                told=word("rows", rows=step.rows),
            )

        yield told
