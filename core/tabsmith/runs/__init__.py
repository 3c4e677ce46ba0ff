"""Runs in the background: what a run is asked to do, its events and their reducers, and the processes that work on it."""
