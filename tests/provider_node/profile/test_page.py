"""The page: whole in itself, of nothing but text and drawings, in both languages, and without a value."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import provider_node.cli
from provider_node.cli.profile_charts import Bar, bars
from provider_node.cli.profile_page import page
from provider_node.cli.profile_texts import FINDINGS, FREQUENCIES, OTHERWISE, REMEDIES, TEXTS, UNLIMITED
from provider_node.cli.profile_wording import Wording
from provider_node.config import UpdateFrequency
from provider_node.domain.profile import Kind, Profile
from stayput.delimited import RowFault
from stayput.language import Language
from stayput.normalise import Reject
from tests.provider_node.profile import register
from tests.provider_node.profile.conftest import Profiled

HOSTILE = '"><script>alert(1)</script><img src=//x.example/a>\u202e\x1b[31m'


class Tree:
    """Elements with their attributes, and the texts, of a page or a drawing that is well-formed."""

    def __init__(self, text: str) -> None:
        root = ET.fromstring(text)  # noqa: S314 (made by the code under test)
        found = list(root.iter())
        self.elements = [(one.tag.rpartition("}")[2], one.attrib) for one in found]
        self.texts = [text for one in found for text in (one.text, one.tail) if text]

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of that name."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def found(profiled: Profiled) -> Profile:
    return profiled()


def test_it_is_whole_in_itself(found: Profile) -> None:
    text = page(found)
    tree = Tree(text)
    tags = {tag for tag, _ in tree.elements}
    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "a", "form", "base", "image", "use"})
    attributes = {name for _, one in tree.elements for name in one}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")]
    addresses = re.findall(r"https?://[^\"<\s]+", text)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text


def test_its_policy_permits_its_own_style_and_nothing_else(found: Profile) -> None:
    text = page(found)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policies = [one["content"] for one in Tree(text).of("meta") if "http-equiv" in one]
    expected = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policies == [expected]
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_whatever_the_configuration_says_is_text(found: Profile) -> None:
    hostile = replace(
        found,
        title=HOSTILE,
        unreadable={HOSTILE: 3},
        fields=tuple(replace(one, name=HOSTILE, rejected={HOSTILE: 1}) for one in found.fields),
        checks=tuple(replace(one, name=HOSTILE, condition=HOSTILE) for one in found.checks),
        findings=tuple(replace(one, where=HOSTILE, reason=HOSTILE) for one in found.findings),
    )
    text = page(hostile)
    tree = Tree(text)
    assert [tag for tag, _ in tree.elements if tag in ("script", "img")] == []
    assert any("<script>alert(1)</script>" in one for one in tree.texts)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_everything_is_said_in_both_languages(found: Profile) -> None:
    text = "".join(Tree(page(found)).texts)
    for wording in (Wording(Language.ENGLISH), Wording(Language.CHINESE)):
        assert found.findings
        for finding in found.findings:
            assert wording.finding(finding) in text
        assert wording("no_values") in text
        assert wording.size(found) in text


def test_bars_are_as_long_as_their_figures() -> None:
    tree = Tree(bars("t", [Bar("f", [("present", 30), ("missing", 10)], "30 / 10")], 80))
    track, present, missing = tree.of("rect")
    whole = float(track["width"])
    assert float(present["width"]) == pytest.approx(whole * 30 / 80, abs=0.01)
    assert float(missing["width"]) == pytest.approx(whole * 10 / 80, abs=0.01)
    first = float(present["x"]) + float(present["width"])
    assert float(missing["x"]) == pytest.approx(first, abs=0.02)


def test_a_chart_of_nothing_has_empty_bars() -> None:
    drawn = bars("t", [Bar("f", [("present", 0)], "0")], 0)
    assert [one["class"] for one in Tree(drawn).of("rect")] == ["track"]


def test_there_is_a_bar_for_each_field_reason_and_check(found: Profile) -> None:
    told = set(Tree(page(found)).texts)
    rejected = {
        f"{field.name} {reason}: {rows:,}"
        for field in found.fields
        for reason, rows in field.rejected.items()
    }
    assert rejected
    assert {*rejected, "* COLUMNS: 3"} <= told
    assert {*(one.name for one in found.fields), *(one.name for one in found.checks)} <= told


def test_it_serves_the_dark_and_paper(found: Profile) -> None:
    text = page(found)
    assert "@media(prefers-color-scheme:dark)" in text
    assert "@media print" in text


def test_it_says_if_nobody_knows_when_the_data_were_changed(found: Profile) -> None:
    undated = replace(found, freshness=replace(found.freshness, modified_at=None))
    text = page(undated)
    assert "when the data were last changed is not known; promised: daily" in text
    assert "数据最后变更时间未知；承诺更新频率：每日" in text


def test_a_profile_without_checks_has_a_page(profiled: Profiled) -> None:
    without = register.RESOURCE[register.RESOURCE.index("[checks.plate]") :]
    tree = Tree(page(profiled((without, ""))))
    assert "核验项" not in tree.texts


def test_every_text_has_both_languages_and_the_same_placeholders() -> None:
    groups = (TEXTS, FINDINGS, FREQUENCIES, REMEDIES, {"otherwise": OTHERWISE, "unlimited": UNLIMITED})
    for texts in groups:
        for name, text in texts.items():
            chinese = [character for character in text.zh if "\u4e00" <= character <= "\u9fff"]
            assert chinese, name
            assert not re.search("[\u4e00-\u9fff]", text.en), name
            assert set(re.findall(r"\{(\w+)", text.en)) == set(re.findall(r"\{(\w+)", text.zh)), name


def test_nothing_that_can_be_found_lacks_its_words() -> None:
    assert set(FINDINGS) == set(Kind)
    assert set(FREQUENCIES) == {one.value for one in UpdateFrequency}
    reasons = {one.value for one in Reject} - {Reject.MISSING.value} | {one.name for one in RowFault}
    assert set(REMEDIES) == reasons


def test_every_text_is_said() -> None:
    directory = Path(provider_node.cli.__file__).parent
    files = (path for path in directory.glob("profile*.py") if path.name != "profile_texts.py")
    source = "".join(path.read_text("utf-8") for path in files)
    said = {name for name in TEXTS if f'"{name}"' in source or f"'{name}'" in source}
    assert set(TEXTS) - said == {"FIX", "KNOW"}
