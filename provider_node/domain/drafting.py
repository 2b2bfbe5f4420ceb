"""A first draft of a resource file from a delimited file: its columns, with types guessed from its values.

No value of the file gets into the draft: names of columns do, unless the first row looks like data itself.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count, islice
from pathlib import Path
from typing import Final

from stayput.delimited import DelimitedError, Dialect, detect_encoding, read_batches, read_header
from stayput.errors import StayputError
from stayput.normalise import Field, FieldType, Reject, normaliser
from stayput.v1.errors_pb2 import ErrorReason

_SAMPLED: Final = 2_000
_DELIMITERS: Final = (",", "\t", ";", "|")
_SHARE: Final = 0.9
_KEYS: Final = (FieldType.RESIDENT_ID, FieldType.USCC)
# What has a check digit or a fixed form cannot be anything else, in this order.
_TELLING: Final = (FieldType.RESIDENT_ID, FieldType.USCC, FieldType.MOBILE, FieldType.DATE, FieldType.NUMBER)
_CODE: Final = re.compile(r"[\u4e00-\u9fff]?[0-9A-Za-z][0-9A-Za-z ·.-]{3,31}")
_DIGITS: Final = re.compile(r"[0-9\uff10-\uff19]{3}")
_WORDS: Final[Mapping[str, str]] = {
    "身份证": "resident_id",
    "身份号码": "resident_id",
    "信用代码": "uscc",
    "姓名": "name",
    "手机": "mobile",
    "电话": "mobile",
    "号牌": "plate",
    "车牌": "plate",
    "出生": "birth_date",
    "日期": "date",
    "地址": "address",
    "性别": "sex",
    "名称": "title",
}
_NAMES: Final = ("姓名", "name")
_COMMENT: Final = "  # check: guessed from its shape 请核对：根据内容形态推测"
_HEAD: Final = """\
# A draft. Look at every line that says "check", then: provider-node resource check FILE
# 草稿。请核对所有标有 check 的行，然后运行：provider-node resource check 文件
code = {code}
title = {code}  # check: the title in Chinese, as the catalogue shows it 请填写中文名称
category = "department"  # check: base, theme or department 请核对类别
sharing = "conditional"  # check: unconditional, conditional or not-shared 请核对共享类型
conditions = ""  # check: what a consumer must heed 请填写共享条件
legal_basis = ""  # check: on which law it rests 请填写共享依据
update_frequency = "irregular"  # check: how often it is promised to be built 请核对更新频率

[source]
kind = "csv"
path = {path}
encoding = "{encoding}"
delimiter = {delimiter}
header = {header}
"""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the file, the name of its field, and as what it seems to be normalised."""

    column: str
    name: str
    type: FieldType


def drafted(code: str, file: Path, today: date) -> str:
    """The draft, which can be loaded as it stands; `today` bounds birth years.

    Raises `SOURCE_INVALID` if the file cannot be read or has no rows.
    """
    try:
        dialect = _dialect(file)
        header, rows = read_header(file, dialect), _rows(file, dialect)
    except (DelimitedError, OSError) as error:
        raise _invalid(error) from None
    if not rows:
        raise _invalid("has no rows after the first")
    samples = [[cell for row in rows if (cell := row[place].strip())] for place in range(len(header))]
    types = [_type_of(name, cells, today) for name, cells in zip(header, samples, strict=True)]
    if _is_data(header, samples, types, today):
        dialect = Dialect(dialect.encoding, dialect.delimiter, header=False)
        header = [str(number) for number in range(1, len(header) + 1)]
    return "".join(_lines(code, file, dialect, _columns(header, types)))


def _dialect(file: Path) -> Dialect:
    """The encoding that the file votes for, and the delimiter that gives its first row the most columns."""
    encoding = detect_encoding(file)

    def columns(delimiter: str) -> int:
        # A wrong delimiter may make a first row of equal names.
        try:
            return len(read_header(file, Dialect(encoding, delimiter, header=False)))
        except DelimitedError:
            return 0

    return Dialect(encoding, max(_DELIMITERS, key=columns))


def _rows(file: Path, dialect: Dialect) -> list[list[str]]:
    batches = read_batches(file, dialect, _SAMPLED)
    return list(islice((row for batch in batches for row in batch.rows), _SAMPLED))


def _type_of(column: str, cells: Sequence[str], today: date) -> FieldType:
    """The first type that most values have, by the profile's own rules."""
    for kind in _TELLING:
        if cells and _accepted(kind, cells, today) >= _SHARE:
            return kind
    if any(word in column.lower() for word in _NAMES):
        return FieldType.PERSON_NAME
    coded = sum(_CODE.fullmatch(cell) is not None and any(map(str.isdigit, cell)) for cell in cells)
    return FieldType.CODE if cells and coded >= _SHARE * len(cells) else FieldType.TEXT


def _accepted(kind: FieldType, cells: Sequence[str], today: date) -> float:
    options = (("scale", "9"),) if kind is FieldType.NUMBER else ()
    values = normaliser(Field("guessed", kind, options), today).column(cells)
    return sum(not isinstance(value, Reject) for value in values) / len(values)


def _is_data(
    header: Sequence[str], samples: Sequence[Sequence[str]], types: Sequence[FieldType], today: date
) -> bool:
    """Whether the first row is a record like the others, so that its cells are nobody's column names."""
    return any(
        not name
        or _DIGITS.search(name)
        or name in cells
        or (kind in _TELLING and _accepted(kind, [name], today))
        for name, cells, kind in zip(header, samples, types, strict=True)
    )


def _columns(header: Sequence[str], types: Sequence[FieldType]) -> list[_Column]:
    """Every field has a name of its own, from what its column is called."""
    columns: list[_Column] = []
    for place, (column, kind) in enumerate(zip(header, types, strict=True), start=1):
        taken = {one.name for one in columns}
        wanted = _name(column, kind) or f"column_{place}"
        name = next(name for name in _numbered(wanted) if name not in taken)
        columns.append(_Column(column, name, kind))
    return columns


def _name(column: str, kind: FieldType) -> str:
    if kind in _KEYS:
        return kind.value
    ascii_name = re.sub("[^a-z0-9]+", "_", column.lower()).strip("_")
    if re.fullmatch("[a-z][a-z0-9_]{0,55}", ascii_name):
        return ascii_name
    return next((name for word, name in _WORDS.items() if word in column), "")


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}_{number}"


def _lines(code: str, file: Path, dialect: Dialect, columns: Sequence[_Column]) -> Iterator[str]:
    yield _HEAD.format(
        code=_quoted(code),
        path=_quoted(str(file)),
        encoding=dialect.encoding,
        delimiter=_quoted(dialect.delimiter),
        header="true" if dialect.header else "false",
    )
    for one in columns:
        yield f'\n[fields.{one.name}]\ncolumn = {_quoted(one.column)}\ntype = "{one.type}"{_COMMENT}\n'
    key = next((one for kind in _KEYS for one in columns if one.type is kind), columns[0])
    yield f"\n# check: the fields by which a subject is found 请核对：用于查找主体的字段\n[keys.{key.name}]\n"
    yield f'fields = ["{key.name}"]\n'
    yield "\n# check: what is compared; take out what must not be asked 请核对：核验项，不宜核验的请删除\n"
    for one in columns:
        if one is not key:
            yield f'[checks.{one.name}]\nfields = ["{one.name}"]\n'


def _quoted(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _invalid(problem: DelimitedError | OSError | str) -> StayputError:
    told = f"cannot be read: {problem.strerror}" if isinstance(problem, OSError) else str(problem)
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"from: {told}",
        field="from",
        remedy="export the register as CSV with the names of its columns in the first row",
    )
