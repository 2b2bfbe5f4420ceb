"""Where the rows of a register come from: each kind of source reads batches of columns at bounded memory."""

from provider_node.sources.batch import Batch
from provider_node.sources.csv import CsvSource

__all__ = ["Batch", "CsvSource"]
