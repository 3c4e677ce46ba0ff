"""A table comes in: guard, sniff, read, snapshot, profile, schema."""
