"""What the project computes itself against other people's computations of the same."""

import sys
import unicodedata
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.cn import uscc as stdnum_uscc

from stayput.normalise import Field, FieldType, Reject, normaliser
from stayput.normalise.unicode14 import GB_PRIVATE_USE, RADICALS, RADICALS_FROM, REPERTOIRE

TODAY = date(2026, 6, 30)
RESIDENT = normaliser(Field("field", FieldType.RESIDENT_ID), TODAY)
COMPANY = normaliser(Field("field", FieldType.USCC), TODAY)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# It refuses regions it does not know, so those compared are ones it does: Beijing, Shanghai, Shenzhen.
REGIONS = st.sampled_from(["110105", "310101", "440301"])


@given(
    REGIONS, st.integers(1990, 2026), st.integers(0, 13), st.integers(0, 32), st.integers(0, 999), st.data()
)
def test_resident_numbers_as_stdnum_judges_them(
    region: str, year: int, month: int, day: int, serial: int, data: st.DataObject
) -> None:
    body = f"{region}{year}{month:02}{day:02}{serial:03}"
    right = ric.calc_check_digit(body + "0")
    number = body + data.draw(st.one_of(st.just(right), st.sampled_from("0123456789X")))
    assert isinstance(RESIDENT.one(number), str) == ric.is_valid(number)
    assert isinstance(RESIDENT.column([number])[0], str) == ric.is_valid(number)


@given(st.dates(date(1850, 1, 1), date(2026, 12, 31)), st.integers(100_000, 999_999), st.integers(0, 999))
def test_the_check_character_of_any_region_as_stdnum_computes_it(
    born: date, region: int, serial: int
) -> None:
    body = f"{region}{born:%Y%m%d}{serial:03}"
    number = body + ric.calc_check_digit(body + "0")
    assert RESIDENT.one(number) == number


@given(st.dates(date(1900, 1, 1), date(1999, 12, 31)), st.integers(100_000, 999_999), st.integers(0, 999))
def test_15_digits_become_the_number_of_the_same_person(born: date, region: int, serial: int) -> None:
    body = f"{region}{born:%Y%m%d}{serial:03}"
    assert RESIDENT.one(body[:6] + body[8:]) == body + ric.calc_check_digit(body + "0")


@given(
    st.from_regex(r"[1-9][1-9][0-9]{6}", fullmatch=True),
    st.text(ALPHABET, min_size=9, max_size=9),
    st.one_of(st.just("right"), st.sampled_from(ALPHABET)),
)
def test_company_codes_as_stdnum_judges_them(first: str, last: str, check: str) -> None:
    body = first + last
    code = body + (stdnum_uscc.calc_check_digit(body) if check == "right" else check)
    assert isinstance(COMPANY.one(code), str) == stdnum_uscc.is_valid(code)
    assert isinstance(COMPANY.column([code])[0], str) == stdnum_uscc.is_valid(code)


@given(st.sampled_from("ANY"), st.text(ALPHABET, min_size=9, max_size=9), st.integers(100_000, 999_999))
def test_codes_beginning_with_a_letter_have_the_check_character_that_stdnum_computes(
    first: str, subject: str, region: int
) -> None:
    body = f"{first}1{region}{subject}"
    code = body + stdnum_uscc.calc_check_digit(body)
    assert COMPANY.one(code) == code


def test_spreadsheet_serials_count_days_from_1_march_1900() -> None:
    serials = normaliser(Field("field", FieldType.DATE, (("format", "excel-serial"),)), TODAY)
    days = [date(1900, 3, 1) + timedelta(days) for days in range(60_000)]
    assert serials.column([str(61 + number) for number in range(60_000)]) == [day.isoformat() for day in days]


def repertoire() -> set[int]:
    ends = [entry.partition("-") for entry in REPERTOIRE.split()]
    return {point for low, _, high in ends for point in range(int(low, 16), int(high or low, 16) + 1)}


def test_the_repertoire_is_what_unicode_14_assigns() -> None:
    later_ideographs = {*range(0x31350, 0x3347A), *range(0x2EBF0, 0x2EE5E)}
    kept_out = {"Cn", "Co", "Cs"}
    assigned = {
        point
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) not in kept_out
        and (unicodedata.category(chr(point)) != "Cc" or chr(point) in "\t\n\v\f\r\x85")
    } - set(range(0xFFF9, 0xFFFE))
    ours = repertoire()
    assert later_ideographs <= ours
    assert ours - later_ideographs <= assigned
    if unicodedata.unidata_version == "14.0.0":
        assert ours - later_ideographs == assigned - later_ideographs


def test_nothing_in_the_repertoire_normalises_out_of_it() -> None:
    ours = repertoire()
    assert all(ours.issuperset(map(ord, unicodedata.normalize("NFKC", chr(point)))) for point in ours)


def test_radicals_have_one_ideograph_each_and_those_unicode_itself_folds_agree() -> None:
    assert len(RADICALS) == 0x2EF4 - RADICALS_FROM
    for point, ideograph in enumerate(RADICALS, RADICALS_FROM):
        folded = unicodedata.normalize("NFKC", chr(point))
        assert folded in (chr(point), ideograph)
        known = unicodedata.name(chr(point), "").startswith("CJK RADICAL")
        assert unicodedata.name(ideograph).startswith(
            "CJK UNIFIED IDEOGRAPH" if known else "IDEOGRAPHIC SPACE"
        )


def test_private_use_is_what_the_gb18030_codec_gives_for_the_same_bytes() -> None:
    codes = {
        first + i: int(code, 16)
        for first, row in GB_PRIVATE_USE.items()
        for i, code in enumerate(row.split())
    }
    rows = {0xE76C: 0xA2E3, 0xE78D: 0xA6D9, 0xE7C7: 0xA8BC, 0xE7E7: 0xA989, 0xE815: 0xFE50}
    agreed = 0
    for first, start in rows.items():
        for point in range(first, first + len(GB_PRIVATE_USE[first].split())):
            decoded = ord(gb_bytes(start, point - first).decode("gb18030"))
            # The codec's edition is an early one, which leaves the rest in private use itself.
            assert decoded in (codes[point], point)
            agreed += decoded == codes[point]
    assert agreed == 81
    assert normaliser(Field("f", FieldType.TEXT), TODAY).one("\ue865") is Reject.ENCODING


def gb_bytes(start: int, offset: int) -> bytes:
    if start == 0xA6D9:
        return (0xA6D9 + offset if offset < 7 else (0xA6EC, 0xA6ED, 0xA6F3)[offset - 7]).to_bytes(2, "big")
    if start == 0xA8BC:
        return (0xA8BC, 0xA8BF)[offset].to_bytes(2, "big")
    code = start + offset
    # A second byte is never 7F.
    return (code + (start == 0xFE50 and code >= 0xFE7F)).to_bytes(2, "big")
