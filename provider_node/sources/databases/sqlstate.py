"""What the codes of the SQL standard mean, with PostgreSQL's own."""

from collections.abc import Mapping
from typing import Final

from provider_node.sources.databases.faults import Fault

FAULTS: Final[Mapping[str, Fault]] = {
    "08": Fault.LOST,
    "0A": Fault.SYNTAX,
    "22": Fault.CONTENT,
    "25": Fault.WRITING,
    "28": Fault.REFUSED,
    "3D": Fault.DATABASE,
    "42": Fault.SYNTAX,
    "42501": Fault.RIGHTS,
    "42703": Fault.RELATION,
    "42P01": Fault.RELATION,
    "3F": Fault.RELATION,
    "53": Fault.STOPPED,
    "57": Fault.STOPPED,
    "57P01": Fault.LOST,
    "57P02": Fault.LOST,
    "57P03": Fault.UNREACHABLE,
    "XX": Fault.CONTENT,
}
