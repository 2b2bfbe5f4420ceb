"""Puts a command tree's help into the chosen language."""

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from stayput.language import Language
from stayput_client.texts import text


def localise(command: TyperCommand | TyperGroup, language: Language, name: str = "help") -> None:
    """Sets the help of a command, of its parameters and of its subcommands.

    The texts are `help.<command>` and `help.<command>.<parameter>`; a missing one is a KeyError.
    """
    command.help = text(name, language)
    for parameter in command.params:
        if isinstance(parameter, TyperArgument | TyperOption):
            parameter.help = text(f"{name}.{parameter.name}", language)
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            if isinstance(child, TyperCommand | TyperGroup):
                localise(child, language, f"{name}.{child.name}")
