"""What lives of a program that was started for a session, wherever its children moved."""

import psutil

from tabsmith.agents.agent_program import CALL_MARK


def living(session: str) -> list[psutil.Process]:
    """The processes that carry the session's mark, zombies aside."""
    return [each for each in psutil.process_iter() if _is_of(each, session)]


def _is_of(process: psutil.Process, session: str) -> bool:
    try:
        return process.environ().get(CALL_MARK) == session and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
