"""Why a value has no canonical form."""

from enum import Enum


class Reject(Enum):
    """The reason for which a text is refused. Not a `str`, so that `isinstance(x, str)` means canonical text.

    The values are the names, fit for counters, for JSON and for the result codes a clerk sees.
    """

    MISSING = "MISSING"
    """Empty, or nothing but white space and invisible characters."""
    FORMAT = "FORMAT"
    """Not one of the forms of the declared type."""
    CHECKSUM = "CHECKSUM"
    """Well formed, but the check character is wrong: most likely a typing error."""
    DATE = "DATE"
    """A day that does not exist, or a birth year outside 1850 to the current year."""
    SPREADSHEET_DAMAGE = "SPREADSHEET_DAMAGE"
    """A spreadsheet has turned the value into a number and lost digits; go back to the original."""
    AMBIGUOUS = "AMBIGUOUS"
    """A name with a separator that can be read in two ways, where the field declares neither."""
    ENCODING = "ENCODING"
    """Holds a code point that no correct decoding produces: private use, U+FFFD, surrogate, control."""
    RANGE = "RANGE"
    """A number with more digits than the field declares."""
    TOO_LONG = "TOO_LONG"
    """The canonical form is longer than 512 bytes of UTF-8."""
