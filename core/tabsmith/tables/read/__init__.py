"""A source becomes a snapshot: guarded, recognised by its format, its dialect sniffed, its cells parsed."""
