"""The catalogue of all texts that a clerk sees, in English and Chinese."""

from collections.abc import Mapping
from typing import Final

from stayput.language import Language, Text, language_of
from stayput_client.texts.evidence import EVIDENCE
from stayput_client.texts.evidence_help import EVIDENCE_HELP
from stayput_client.texts.faults import FAULTS
from stayput_client.texts.help import HELP
from stayput_client.texts.messages import MESSAGES
from stayput_client.texts.receipts import RECEIPTS
from stayput_client.texts.refusals import REFUSALS

CATALOGUE: Final[Mapping[str, Text]] = {
    name: Text(*texts)
    for name, texts in {
        **MESSAGES,
        **RECEIPTS,
        **EVIDENCE,
        **FAULTS,
        **REFUSALS,
        **HELP,
        **EVIDENCE_HELP,
    }.items()
}
"""Text by name, with the same placeholders in both languages."""


def text(name: str, language: Language, **places: object) -> str:
    """The text of that name with its placeholders filled."""
    return CATALOGUE[name].of(language).format(**places)


def chosen_language(name: str | None, environment: Mapping[str, str]) -> Language:
    """The language named (`en` or `zh`), or else the locale's."""
    named = next((language for language in Language if language.value == name), None)
    return named or language_of(environment)
