"""Who fits the folds: forked children of this machine, or a Dask cluster (what a run sends there, the process that talks to it, what its workers do)."""
