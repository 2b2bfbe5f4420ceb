"""Writing an index from merged buckets, and reading it back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provider_node.domain.build.buckets import Bucket
from provider_node.domain.build.progress import Reporter, Stage
from provider_node.store.index import Index
from provider_node.store.manifest import Shard
from provider_node.store.shards import ShardWriter
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


@dataclass(slots=True)
class Written:
    """What an index must hold: so many entries, among them these; and how many of them are subjects.

    `shards` are its files, once it is written.
    """

    entries: int = 0
    subjects: int = 0
    samples: dict[bytes, bytes] = field(default_factory=dict)
    shards: list[Shard] = field(default_factory=list)

    @property
    def several(self) -> tuple[Shard, ...] | None:
        """The shards, unless there is only one file."""
        return tuple(self.shards) if len(self.shards) > 1 else None

    def add(self, tokens: Sequence[bytes], values: Sequence[bytes]) -> None:
        """These were written too; the first and the last of them are taken as samples."""
        self.entries += len(tokens)
        for place in (0, -1) if tokens else ():
            self.samples[tokens[place]] = values[place]


def write_index(directory: Path, buckets: Iterable[Bucket], most: int, reporter: Reporter) -> Written:
    """Writes the buckets' tokens, durably, to a new index in files of at most so many entries."""
    written = Written()
    reporter.at(Stage.INDEXING)
    with ShardWriter(directory, most) as writer:
        for bucket in buckets:
            writer.add(bucket.tokens, bucket.values)
            written.add(bucket.tokens, bucket.values)
            written.subjects += bucket.subjects
            reporter.at(Stage.INDEXING)
    written.shards = writer.shards()
    return written


def verify_index(paths: Sequence[Path], written: Written, reporter: Reporter) -> None:
    """Passes if the files hold as many entries as were written and the samples; else `BUILD_FAILED`."""
    reporter.at(Stage.VERIFYING)
    index = Index(*paths)
    with index.reading() as value_of:
        found = all(value_of(token) == value for token, value in written.samples.items())
    if index.entries != written.entries or not found:
        raise StayputError(
            ErrorReason.ERROR_REASON_BUILD_FAILED,
            "the index that was written does not read back as it should",
            remedy="check the disk under the node's data directory; then build again",
        )
