"""Fits on a Dask cluster: what a run sends there, the process that talks to it, and what its workers do."""
