"""Delimited text files as departments export them: CSV and its kin, in UTF-8 or GB18030.

A provider reads its register with this package and a consumer its list, because two parties that took the
same file apart differently would see records that silently do not match.

A file is a sequence of physical lines, ended by LF, CR LF or CR. A record is one line, or several when a
quoted field holds line ends; quotes are doubled inside quoted fields (RFC 4180). Empty lines are no records.
Lines count from 1 and a record has the number of the line it begins on. A line that cannot be read as a
record becomes a `RowFault` and reading goes on; only a file that is wrong as a whole is a `DelimitedError`.
A file whose name ends in `.gz` is compressed by gzip.
"""

from stayput.delimited.blocks import open_file
from stayput.delimited.detection import detect_encoding
from stayput.delimited.faults import DelimitedError, FileFault, RowFault
from stayput.delimited.reader import read_batches, read_header
from stayput.delimited.records import Batch, Dialect

__all__ = [
    "Batch",
    "DelimitedError",
    "Dialect",
    "FileFault",
    "RowFault",
    "detect_encoding",
    "open_file",
    "read_batches",
    "read_header",
]
