"""Runs commands in the strongest sandbox that the machine has: bubblewrap, then Landlock, then limits only.

`policy.py` says what a command may do, `runner.py` runs one, wraps a program, and finds out what works here.
`launcher.py` is the process in between; keep its imports light, as every command waits for them.
"""
