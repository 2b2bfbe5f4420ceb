"""What every kind of source can do."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol, TypeAlias

from provider_node.sources.batch import Batch

Digest: TypeAlias = Callable[[bytes], object]
"""Takes what a source is made of, as a hash's `update` does."""


class Source(Protocol):
    """One reading of a register, with bounded memory and without writing to it.

    All it raises is `SOURCE_INVALID`, with nothing of what the source holds.
    """

    @property
    def bytes_total(self) -> int:
        """How many bytes there are to read; 0 if that is not known."""

    @property
    def modified_at(self) -> datetime | None:
        """When what is read was last changed; `None` if nobody can tell, as of a database."""

    def batches(self, digest: Digest | None = None) -> Iterator[Batch]:
        """All rows, in order. What cannot be read as a row is a fault of its batch.

        `digest` is given what the source holds in the course of it, the same if it holds the same: the bytes
        of files, the values of a database.
        """
