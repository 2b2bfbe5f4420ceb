"""`resource`: definitions checked, stored as versions and shown, by a running node or else by its files."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from provider_node.cli import resource_files
from provider_node.cli.options import CONFIG, Administrator, Config, Json, Resource, administrator
from provider_node.cli.output import local, print_json, print_table, printable, say, sentence, word

if TYPE_CHECKING:
    from provider_node.config import NodeConfig
    from provider_node.domain.definitions import Definitions
    from stayput.v1.admin_pb2 import (
        DefinitionVersion,
        GetDefinitionResponse,
        ListDefinitionsResponse,
        PutDefinitionRequest,
        PutDefinitionResponse,
    )
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceAsyncStub

_T = TypeVar("_T")
_NEEDS: Final = {"build": "needs_build", "publish": "needs_publish"}
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The definition, TOML. 资源定义文件。"),
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True)
    for command in (check, apply, show, versions, diff):
        group.command()(command)
    resource_files.register(group)
    app.add_typer(group, name="resource", help="Definitions of resources and their versions (资源定义).")


def check(file: File, config: Config = CONFIG, as_json: Json = False) -> None:
    """Check a definition, also against the first rows of its source (检查资源定义).

    Paths in it are relative to the node's resources directory, where `apply` puts it
    (路径相对于资源定义目录).
    """
    from provider_node.config import load_node

    loaded = load_node(config)
    code, request = _request(loaded, file)
    found = _put(loaded, request)
    if as_json:
        print_json(found)
        return
    _tell(code, found)
    _tell_needs(code, found)


def apply(
    file: File,
    config: Config = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再确认。")] = False,
    name: Administrator = None,
    as_json: Json = False,
) -> None:
    """Check a definition, show what it changes, and have it hold (检查并应用资源定义)."""
    from provider_node.config import load_node

    who = administrator(name)
    loaded = load_node(config)
    code, request = _request(loaded, file)
    request.base_version = _newest(loaded, code)
    found = _put(loaded, request)
    if not as_json:
        _tell(code, found)
        _show_diff(found.diff)
    if not yes and sys.stdin.isatty():
        next_version = request.base_version + 1
        typer.confirm(sentence("confirm_definition", resource=code, version=next_version), abort=True)
    request.store, request.administrator = True, who
    stored = _put(loaded, request)
    if as_json:
        print_json(stored)
        return
    if stored.HasField("stored"):
        say("definition_stored", resource=code, version=stored.stored.version)
    _tell_needs(code, stored)


def show(
    resource: Resource,
    config: Config = CONFIG,
    version: Annotated[int, typer.Option(min=0, help="Default: the newest. 版本号，默认最新。")] = 0,
) -> None:
    """Print a definition as it was stored (显示资源定义)."""
    from provider_node.config import load_node

    toml = _got(load_node(config), resource, version).toml
    # To a file or a pipe every character as it is.
    typer.echo(printable(toml.expandtabs()) if sys.stdout.isatty() else toml, nl=False)


def versions(resource: Resource, config: Config = CONFIG, as_json: Json = False) -> None:
    """List the versions of a definition, newest first (列出资源定义的版本)."""
    from provider_node.config import load_node

    found = _listed(load_node(config), resource)
    if as_json:
        print_json(found)
        return
    print_table(("version", "stored_at", "administrator", "sha256"), map(_row, found.versions))


def diff(
    resource: Resource,
    config: Config = CONFIG,
    before: Annotated[
        int | None, typer.Option("--from", min=0, help="Default: the one before. 旧版本，默认上一版。")
    ] = None,
    after: Annotated[int, typer.Option("--to", min=0, help="Default: the newest. 新版本，默认最新。")] = 0,
) -> None:
    """Show what is different between two versions of a definition (比较两个版本)."""
    from provider_node.config import load_node
    from provider_node.domain import definitions

    loaded = load_node(config)
    new = _got(loaded, resource, after)
    number = new.version.version - 1 if before is None else before
    old = _got(loaded, resource, number).toml if number else ""
    names = (f"version {number}", f"version {new.version.version}")
    _show_diff(definitions.diff(old, new.toml, *names))


def _request(loaded: "NodeConfig", file: Path) -> "tuple[str, PutDefinitionRequest]":
    """The code that a file defines, and the request to check it."""
    from provider_node.config import load_resource
    from stayput.v1.admin_pb2 import PutDefinitionRequest

    content = file.read_bytes()
    # What is wrong with it is told by the name of the person's own file.
    code = load_resource(file, content, loaded.node.resources).code
    return code, PutDefinitionRequest(toml=content.decode())


def _newest(loaded: "NodeConfig", code: str) -> int:
    """Number of the newest version; 0 for a new resource."""
    from stayput.errors import StayputError
    from stayput.v1.errors_pb2 import ErrorReason

    try:
        return _listed(loaded, code).versions[0].version
    except StayputError as error:
        if error.reason == ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN:
            return 0
        raise


def _put(loaded: "NodeConfig", request: "PutDefinitionRequest") -> "PutDefinitionResponse":
    return _answered(
        loaded, lambda node: node.PutDefinition(request), lambda files: files.put(request).response
    )


def _got(loaded: "NodeConfig", code: str, version: int) -> "GetDefinitionResponse":
    from stayput.v1.admin_pb2 import GetDefinitionRequest

    request = GetDefinitionRequest(resource=code, version=version)
    return _answered(loaded, lambda node: node.GetDefinition(request), lambda files: files.get(code, version))


def _listed(loaded: "NodeConfig", code: str) -> "ListDefinitionsResponse":
    from stayput.v1.admin_pb2 import ListDefinitionsRequest, ListDefinitionsResponse

    request = ListDefinitionsRequest(resource=code)
    return _answered(
        loaded,
        lambda node: node.ListDefinitions(request),
        lambda files: ListDefinitionsResponse(versions=files.versions(code)),
    )


def _answered(
    loaded: "NodeConfig",
    by_node: "Callable[[NodeAdminServiceAsyncStub], Awaitable[_T]]",
    by_files: "Callable[[Definitions], _T]",
) -> _T:
    """From the running node if there is one, else from its files."""
    from provider_node.store.run_directory import RunDirectory

    run = RunDirectory(loaded.node.data)
    if run.answers():
        from asyncio import run as run_to_its_end

        from provider_node.cli.link import asked

        return run_to_its_end(asked(loaded, by_node))
    from datetime import UTC, datetime

    from provider_node.domain.definitions import Definitions

    # A node must not begin to serve by a definition that is just being replaced.
    return by_files(Definitions(loaded.node.data, loaded.node.resources, lambda: datetime.now(UTC), run.held))


def _tell(code: str, found: "PutDefinitionResponse") -> None:
    say("definition_ok", resource=code, rows=found.sampled_rows)
    for reject in found.rejects:
        say("rejected", field=reject.field or "*", reason=reject.reason, count=reject.count)


def _tell_needs(code: str, found: "PutDefinitionResponse") -> None:
    if not found.diff:
        say("definition_same")
    for need in found.needs:
        say(_NEEDS[need], resource=code)


def _show_diff(lines: "Iterable[str]") -> None:
    for line in lines:
        typer.echo(printable(line.expandtabs()))


def _row(one: "DefinitionVersion") -> tuple[str, ...]:
    who = one.administrator or word("edited_by_hand")
    return str(one.version), local(one.stored_at), who, one.sha256.hex()[:16]
