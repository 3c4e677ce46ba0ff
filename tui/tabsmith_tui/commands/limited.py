"""Commands that read strangers' tables, run in a child that may take only its share of the machine's memory.

Libraries that read tables are written in Rust and C++: for want of memory they end their process without a word. Here that is
the child, and the command says what happened.
"""

import os
import signal
import sys
from typing import Final

from tabsmith.errors import memory_short, report_of
from tabsmith_tui.commands.root import fail, run

LIMITED: Final = frozenset({"read", "schema", "predict", "ask", "explore"})
"""The commands that read a table themselves; a training's worker limits the process that reads."""


def run_limited(arguments: list[str]) -> int:
    """Run the command line in a child. Returns its exit status; a child that ended for want of memory is told in words."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = _run_child(arguments, parent)
            sys.stdout.flush()
        finally:
            sys.stderr.flush()
            os._exit(status)
    for number in (signal.SIGINT, signal.SIGQUIT):  # ctrl+c and ctrl+\ reach the child as well
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    _, raw = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(raw)
    if status in (-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV):
        error = memory_short(f"The command needed more memory than it may take, and was ended (signal {-status}).")
        return fail(error.report(), as_json="--json" in arguments)
    return 128 - status if status < 0 else status


def _run_child(arguments: list[str], parent: int) -> int:
    from tabsmith.processes import die_with_parent
    from tabsmith.runs.stages import take_share_of_memory

    die_with_parent(parent)
    try:
        take_share_of_memory()
    except Exception as error:  # noqa: BLE001 - the edge of the program: damaged settings are told as by every command
        return fail(report_of(error), as_json="--json" in arguments)
    return run(arguments)
