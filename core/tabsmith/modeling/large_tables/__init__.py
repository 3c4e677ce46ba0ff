"""Tables that are larger than memory: what a training of one needs, and a model fitted to all its rows in batches."""
