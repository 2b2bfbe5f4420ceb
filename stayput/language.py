"""English or Chinese: what language a person is spoken to in, and how an error is told."""

import os
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Language(Enum):
    """The languages spoken."""

    ENGLISH = "en"
    CHINESE = "zh"


class Text(NamedTuple):
    """The same text in both languages, with the same `str.format` placeholders."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """The text in that language."""
        return self.zh if language is Language.CHINESE else self.en


def language_of(environment: Mapping[str, str] = os.environ) -> Language:
    """Chinese if the locale for messages is, otherwise English."""
    locale = next((v for n in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := environment.get(n))), "")
    return Language.CHINESE if locale.lower().startswith("zh") else Language.ENGLISH
