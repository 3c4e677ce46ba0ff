"""Conditions on an iteration, written by people: `quality < 0.5 and iteration > 3`."""
