"""What a node keeps on disk: generations of indexes, and its state (grants, journal, receipts, usage)."""
