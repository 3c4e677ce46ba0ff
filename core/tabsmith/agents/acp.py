"""The agent that is any program speaking the Agent Client Protocol: a fresh program and session for each question."""

import tempfile
from collections.abc import Callable
from functools import partial
from typing import Final

from tabsmith.agents.acp_program import converse, named
from tabsmith.agents.acp_program import resolve as resolve
from tabsmith.agents.acp_session import AcpSession
from tabsmith.agents.protocol import Question, SpeakerName, Turn
from tabsmith.config.tree import Agents
from tabsmith.errors import AgentReplyError, AgentTimeoutError

_ASK: Final = "Use no tools, open no files and ask nothing: your message itself is the answer."


def make(settings: Agents) -> "AcpSpeaker":
    """The speaker behind `agents.acp.command`; nothing is started before it is asked."""
    return AcpSpeaker(settings.acp.command)


class AcpSpeaker:
    """Puts each question to a new process of `command`, which gets an empty folder and no permissions."""

    name: SpeakerName = "acp"
    model = ""  # the program chooses

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    async def ask(self, question: Question, hear: Callable[[Turn], None]) -> str:
        """The text of the whole answer. Raises AgentError; see `Speaker`."""
        session = AcpSession(hear)
        blocks = (question.letter.system, f"{question.letter.text}\n\n{_ASK}")
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-acp-", ignore_cleanup_errors=True) as folder:
                talk = partial(session.prompt, blocks=blocks, folder=folder)
                await converse(self._command, mark=question.session, folder=folder, talk=talk, seconds=question.seconds)
        except TimeoutError as error:
            what = f"{named(self._command)} gave no answer within {question.seconds:g} seconds."
            raise AgentTimeoutError(what, next_step="Raise agents.timeout, or try the program by itself.") from error
        finally:
            session.end()
        if not session.text.strip():
            what = f"{named(self._command)} answered with nothing; its reason to stop: {session.stop_reason}."
            raise AgentReplyError(what)
        return session.text

    async def close(self) -> None:
        """Nothing to let go of: no program outlives its question."""
