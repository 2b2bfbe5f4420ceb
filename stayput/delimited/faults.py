"""What can be wrong with a line and with a file."""

from enum import Enum


class RowFault(Enum):
    """Why a line could not be read as a row."""

    ENCODING = "encoding"
    COLUMNS = "columns"
    NUL = "nul"
    QUOTING = "quoting"
    TOO_LONG = "too-long"


class FileFault(Enum):
    """Why a file cannot be read at all: what is wrong and the remedy, in English and in Chinese."""

    EMPTY = (
        "the file has no rows; export it again",
        "文件没有内容；请重新导出",
    )
    GZIP = (
        "the file is no gzip file, or one that is damaged or cut short; compress or transfer it again",
        "文件不是 gzip 压缩文件，或已损坏、不完整；请重新压缩或传送",
    )
    UTF16 = (
        "the file is UTF-16 text; save it again as 'CSV UTF-8'",
        "文件是 UTF-16 编码；请另存为“CSV UTF-8”",
    )
    OTHER_MARK = (
        "the file begins with the byte-order mark of {0}, but {1} is declared; declare {0}, or export again",
        "文件开头的字节顺序标记表明编码是 {0}，但声明的是 {1}；请改为声明 {0}，或重新导出",
    )
    NOT_TEXT = (
        "the first row holds NUL bytes: this is a workbook or UTF-16; save it as 'CSV UTF-8'",
        "首行含有空字节，文件是电子表格或 UTF-16 编码；请另存为“CSV UTF-8”",
    )
    FIRST_ROW_ENCODING = (
        "the first row is not valid {0}; declare the encoding the file has, or save it as 'CSV UTF-8'",
        "首行不是有效的 {0} 编码；请声明文件的实际编码，或另存为“CSV UTF-8”",
    )
    FIRST_ROW_QUOTING = (
        "the quotes of the first row do not pair up; correct them",
        "首行的引号不成对；请更正",
    )
    FIRST_ROW_TOO_LONG = (
        "the first row is longer than 1 MiB; check that the file is delimited text with line ends",
        "首行超过 1 MiB；请确认文件是带换行的分隔文本",
    )
    DUPLICATE_COLUMN = (
        "columns {0} and {1} of the header have the same name; rename one of them",
        "表头第 {0} 列与第 {1} 列同名；请修改其中一列的列名",
    )
    UNKNOWN_ENCODING = (
        "the file is neither UTF-8 nor GB18030 throughout; save it as 'CSV UTF-8', or state its encoding",
        "文件不全是 UTF-8 编码，也不全是 GB18030 编码；请另存为“CSV UTF-8”，或指定编码",
    )


def printable_name(name: str) -> str:
    r"""A file's name as texts and tables can hold it: bytes that are no UTF-8 are told as `\\xb3`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class DelimitedError(ValueError):
    """A file that cannot be read; says what to do about it and holds nothing of the file's content.

    `fault` names the reason; `str()` is the English text and `chinese` the Chinese one.
    """

    def __init__(self, file: str, fault: FileFault, *places: int | str) -> None:
        english, chinese = fault.value
        name = printable_name(file)
        super().__init__(f"{name}: {english.format(*places)}")
        self.fault = fault
        self.chinese = f"{name}：{chinese.format(*places)}"
