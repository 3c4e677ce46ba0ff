"""Commands run in the strongest sandbox that the machine has: bubblewrap, then Landlock, then limits only.

`policy.py` says what a command may do, `running.py` runs one or wraps a program, `levels.py` finds what is here and
describes it. `launch.py` is the process that stands between; what it imports, every command waits for.
"""
