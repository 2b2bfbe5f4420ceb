"""What a grant's node has for the platform, as it is kept until the platform has recorded it."""

from dataclasses import dataclass
from enum import Enum

from stayput.v1.access_pb2 import Grant, GrantChange
from stayput.v1.signing_pb2 import Envelope


class NoticeKind(Enum):
    """What a notice holds; the values are the first byte of what is stored."""

    VERSION = b"v"
    CHANGE = b"c"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the platform has to record: a signed Grant or a signed GrantChange."""

    number: int
    kind: NoticeKind
    envelope: Envelope

    @property
    def grant_id(self) -> str:
        """The grant that it is about."""
        if self.kind is NoticeKind.VERSION:
            return Grant.FromString(self.envelope.payload).id
        return GrantChange.FromString(self.envelope.payload).grant_id
