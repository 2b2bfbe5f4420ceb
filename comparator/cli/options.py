"""Options that several commands have, and the names that options take. Nothing heavy is imported here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("comparator.toml")

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", envvar="STAYPUT_COMPARATOR_CONFIG", metavar="FILE", help="The configuration file."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class RoleName(StrEnum):
    """The roles of a department, as in the store."""

    CONSUMER = "consumer"
    PROVIDER = "provider"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class CategoryName(StrEnum):
    """The categories of resources in catalogue.proto."""

    BASE = "base"
    THEME = "theme"
    DEPARTMENT = "department"


class SharingName(StrEnum):
    """The sharing types of resources in catalogue.proto."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not-shared"


class ModeName(StrEnum):
    """The modes in contract.proto."""

    KEYED = "keyed"
    OBLIVIOUS = "oblivious"


class EntryKindName(StrEnum):
    """The kinds of log entries in log.proto."""

    RECEIPT = "receipt"
    EVENT = "event"
