"""The text of a checkpoint: c2sp.org/tlog-checkpoint."""

import re
from dataclasses import dataclass
from typing import Final, Self

from stayput.merkle import ProofInvalid, TreeHead
from stayput.notes.form import NoteInvalid, check_text, from_base64, to_base64

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES: Final = 3


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of its tree: its origin, the tree head, and extension lines if any.

    The origin identifies the log. Extension lines are signed with the rest and have no meaning here.
    """

    origin: str
    head: TreeHead
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            check_text("the checkpoint", line)
            if not line or "\n" in line:
                raise NoteInvalid("a line of the checkpoint is empty or no line")

    @property
    def body(self) -> str:
        """The text to sign."""
        lines = (self.origin, str(self.head.size), to_base64(self.head.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, body: str) -> Self:
        """The checkpoint with that text; `NoteInvalid` if it is none, or its root not one of SHA-256."""
        *lines, rest = body.split("\n")
        if rest or len(lines) < _LINES:
            raise NoteInvalid("the checkpoint has too few lines or does not end in a newline")
        origin, size, root, *extensions = lines
        if not _SIZE.fullmatch(size):
            raise NoteInvalid("the checkpoint's tree size is not a decimal number")
        try:
            head = TreeHead(int(size), from_base64("the checkpoint's root", root))
        except ProofInvalid as error:
            raise NoteInvalid(f"checkpoint: {error}") from None
        return cls(origin, head, tuple(extensions))
