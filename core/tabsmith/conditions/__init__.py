"""Conditions on an iteration that people write as breakpoints, such as `quality < 0.5 and iteration > 3`."""
