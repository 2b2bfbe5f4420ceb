"""Reads texts and paths without pydantic, with which typer reads every value.

Importing pydantic takes as long as everything else that a command needs to start, and in a text or a path
there is nothing to check: whether a file is there is found out when it is opened. Numbers and choices are
left to typer, and so is what is missing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from typer._click import Context
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

_READERS: Final[Mapping[object, Callable[[Any], object]]] = {str: str, Path: Path, list[str]: list}


class _Option(TyperOption):
    def process_value(self, ctx: Context, value: object) -> object:
        read = _reader(self, value)
        if read is None:
            return super().process_value(ctx, value)
        return self.callback(ctx, self, read(value)) if self.callback else read(value)


class _Argument(TyperArgument):
    def process_value(self, ctx: Context, value: object) -> object:
        read = _reader(self, value)
        if read is None:
            return super().process_value(ctx, value)
        return self.callback(ctx, self, read(value)) if self.callback else read(value)


def _reader(parameter: TyperOption | TyperArgument, value: object) -> Callable[[Any], object] | None:
    """What turns a value into what the command takes; None if that is left to typer."""
    if parameter.value_is_missing(value):
        return None if parameter.required else _nothing
    return _READERS.get(parameter.type_descriptor.annotation)


def _nothing(value: object) -> object:
    """What stands for an option that was not given and has no default: None, or no elements."""
    return value


def read_plainly(command: TyperCommand | TyperGroup) -> None:
    """Has the values of a command and of its subcommands read so."""
    # Not only its own: typer adds `--help`, and would read that it was not given.
    for parameter in command.get_params(Context(command)):
        # Typer has no way to be told which class to make them of.
        if isinstance(parameter, TyperOption):
            parameter.__class__ = _Option
        elif isinstance(parameter, TyperArgument):
            parameter.__class__ = _Argument
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            if isinstance(child, TyperCommand | TyperGroup):
                read_plainly(child)
