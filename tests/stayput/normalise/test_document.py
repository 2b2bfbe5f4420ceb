import re
from datetime import date
from pathlib import Path

from stayput.normalise import OPTIONS, PROFILE, Field, FieldType, Reject, normaliser
from stayput.normalise.scalar import DEFAULT_FALSE, DEFAULT_TRUE
from stayput.normalise.unicode14 import GB_PRIVATE_USE

PAGE = Path(__file__).parents[3].joinpath("docs", "normalisation.md").read_text("utf-8")
TEXT = normaliser(Field("field", FieldType.TEXT), date(2026, 6, 30))


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_names_the_profile_and_every_type_option_and_reason() -> None:
    assert PAGE.startswith(f"# Normalisation profile `{PROFILE}`\n")
    fields = section("Fields and reasons")
    for reason in Reject:
        assert f"| `{reason.value}` |" in fields
    for kind in FieldType:
        assert f"\n## `{kind}`\n" in PAGE
        for option in OPTIONS[kind]:
            assert re.search(rf"^\|.*`{kind}`.*\|.*`{option}`", fields, re.MULTILINE)


def test_the_default_words_are_those_of_the_page() -> None:
    page = section("`boolean`").replace("\\|", "|")
    assert f"| `true` | `{DEFAULT_TRUE}` |" in page
    assert f"| `false` | `{DEFAULT_FALSE}` |" in page


def test_the_invisible_characters_are_those_of_the_page() -> None:
    listed = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?: to U\+([0-9A-F]+))?", section("Invisible characters")):
        listed |= {chr(point) for point in range(int(first, 16), int(last or first, 16) + 1)}
    # Without the planes that hold only ideographs, nothing or private use.
    points = [*range(0x20000), *range(0xE0000, 0xF0000)]
    dropped = {char for char in map(chr, points) if TEXT.one(f"a{char}a") == "aa"}
    assert dropped == listed


def test_the_private_use_code_points_are_those_of_the_page() -> None:
    listed: dict[int, str] = {}
    for first, codes in re.findall(
        r"\| U\+([0-9A-F]+) \| ([0-9A-F ]+) \|", section("Private-use code points")
    ):
        listed |= {int(first, 16) + place: code for place, code in enumerate(codes.split())}
    used = {
        first + place: code
        for first, codes in GB_PRIVATE_USE.items()
        for place, code in enumerate(codes.split())
    }
    assert listed == used
