"""Options that several commands share; their help is in the text catalogue."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

HomeOption: TypeAlias = Annotated[
    Path | None, typer.Option("--home", metavar="DIRECTORY", show_default=False)
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json")]
Resource: TypeAlias = Annotated[str, typer.Option("--resource", metavar="CODE")]
Key: TypeAlias = Annotated[str, typer.Option("--key", metavar="NAME")]
Check: TypeAlias = Annotated[list[str] | None, typer.Option("--check", metavar="NAME")]
