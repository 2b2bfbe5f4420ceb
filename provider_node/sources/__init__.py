"""Where the rows of a register come from: each kind of source reads batches of columns at bounded memory."""

from provider_node.sources.batch import Batch
from provider_node.sources.csv import CsvSource
from provider_node.sources.opening import open_source, source_of
from provider_node.sources.source import Source

__all__ = ["Batch", "CsvSource", "Source", "open_source", "source_of"]
