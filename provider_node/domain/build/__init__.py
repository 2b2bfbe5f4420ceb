"""Building a generation: rows of a source to the index of a resource.

The rows go through in batches (`records`), are spread over files by the first byte of their tokens
(`buckets`), and come back bucket by bucket, sorted and without repetition, to be appended to the index
(`indexing`). `builder` runs it all.
"""

from provider_node.domain.build.builder import Builder
from provider_node.domain.build.progress import Progress, Stage

__all__ = ["Builder", "Progress", "Stage"]
