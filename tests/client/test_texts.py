"""Everything a clerk reads exists in both languages, and says the same."""

import re
from enum import Enum
from string import Formatter

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

import stayput_client
from stayput.delimited import RowFault
from stayput.language import Language
from stayput.leakage import PARTIES
from stayput.normalise import Reject
from stayput.reasons import MEANINGS
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client import (
    ApplicationState,
    Category,
    ChangeCause,
    DecisionUrgency,
    GrantState,
    Granularity,
    Mode,
    Outcome,
    SaidBy,
    Sharing,
)
from stayput_client.cli import app
from stayput_client.cli.localised import localise
from stayput_client.results import ATTEMPTS, NO_VALUE, NOT_ASKED, Stage
from stayput_client.texts import CATALOGUE, chosen_language
from stayput_client.texts.remedies import REMEDIES

CHINESE = re.compile("[一-鿿]")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("name", CATALOGUE)
def test_both_languages_have_the_same_placeholders(name: str) -> None:
    english, chinese = CATALOGUE[name]
    assert english
    assert placeholders(english) == placeholders(chinese)


def test_english_texts_are_english_and_chinese_ones_chinese() -> None:
    same_in_both = {name for name, (english, chinese) in CATALOGUE.items() if english == chinese}
    assert not same_in_both
    for name, (english, chinese) in CATALOGUE.items():
        assert not CHINESE.search(english), name
        assert CHINESE.search(chinese), name


def test_every_fault_has_a_remedy() -> None:
    faults = {name.removeprefix("fault.") for name in CATALOGUE if name.startswith("fault.")}
    remedies = {name.removeprefix("remedy.") for name in CATALOGUE if name.startswith("remedy.")}
    assert faults == remedies


def test_every_error_reason_is_explained_with_a_remedy_in_both_languages() -> None:
    for texts in (MEANINGS, REMEDIES):
        assert set(texts) == set(ErrorReason.values())
        for english, chinese in texts.values():
            assert not CHINESE.search(english)
            assert CHINESE.search(chinese)


@pytest.mark.parametrize(
    ("prefix", "enum"),
    [
        ("outcome", Outcome),
        ("category", Category),
        ("sharing", Sharing),
        ("mode", Mode),
        ("mode_word", Mode),
        ("granularity", Granularity),
        ("granularity_of", Granularity),
        ("compare.progress", Stage),
        ("state", ApplicationState),
        ("state", GrantState),
        ("cause", ChangeCause),
        ("why", Reject),
        ("why", RowFault),
    ],
)
def test_every_word_that_is_shown_has_a_text(prefix: str, enum: type[Enum]) -> None:
    assert {f"{prefix}.{member.name}" for member in enum} <= CATALOGUE.keys()


def test_every_urgency_but_none_and_every_word_on_a_grant_has_a_text() -> None:
    urgencies = {f"urgency.{one.name}" for one in DecisionUrgency if one is not DecisionUrgency.NONE}
    stops = {f"stop.{state}.{by.name}" for state in ("SUSPENDED", "REVOKED") for by in SaidBy}
    assert urgencies | stops <= CATALOGUE.keys()


def test_every_party_of_a_leakage_statement_has_a_text() -> None:
    assert {f"leak.{party}" for party in PARTIES} <= CATALOGUE.keys()


def test_reasons_of_unverifiable_have_a_text() -> None:
    assert {f"why.{NO_VALUE}", f"why.{NOT_ASKED}", f"why.{ATTEMPTS}"} <= CATALOGUE.keys()


@pytest.mark.parametrize("language", Language)
def test_every_command_and_option_has_help_and_no_help_is_left_over(language: Language) -> None:
    command = typer.main.get_group(app)
    localise(command, language)
    shown = set(names(command, "help"))
    assert shown == {name for name in CATALOGUE if name.split(".")[0] == "help"}


def names(command: TyperCommand | TyperGroup, name: str) -> list[str]:
    found = [name, *(f"{name}.{parameter.name}" for parameter in command.params)]
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            assert isinstance(child, TyperCommand | TyperGroup)
            found += names(child, f"{name}.{child.name}")
    return found


@pytest.mark.parametrize(
    ("named", "environment", "language"),
    [
        (None, {}, Language.ENGLISH),
        (None, {"LANG": "zh_CN.UTF-8"}, Language.CHINESE),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.ENGLISH),
        (None, {"LANG": "en_US", "LC_MESSAGES": "zh_TW"}, Language.CHINESE),
        ("en", {"LANG": "zh_CN.UTF-8"}, Language.ENGLISH),
        ("zh", {}, Language.CHINESE),
        ("xx", {"LANG": "zh_CN"}, Language.CHINESE),
    ],
)
def test_the_language_is_named_or_else_the_locale_s(
    named: str | None, environment: dict[str, str], language: Language
) -> None:
    assert chosen_language(named, environment) is language


def test_every_public_name_is_there() -> None:
    assert sorted(stayput_client.__all__) == list(stayput_client.__all__)
    for name in stayput_client.__all__:
        assert getattr(stayput_client, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Absent'"):
        _ = stayput_client.Absent
