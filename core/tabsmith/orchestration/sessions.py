"""Agent sessions: a fresh UUID each, recorded before the call, closed whatever happens, each reply booked at once."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol
from uuid import uuid4

from tabsmith.agents.protocol import AgentErrorKind, AgentName, ModelReply, Prompt
from tabsmith.errors import AgentError
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionOpened, SessionOutcome, SessionUsed
from tabsmith.text import clean


class TranscriptWriter(Protocol):
    """Who keeps the exact words of a session."""

    def sent(self, session: str, letter: Prompt) -> None: ...
    def received(self, session: str, turn: ModelReply) -> None: ...


class RecordedSession:
    """A session that is open: what `Agent.propose` is given as its `Talk`."""

    def __init__(self, seconds: float, record: Callable[[LoopEvent], None], scribe: TranscriptWriter) -> None:
        self.session = str(uuid4())
        self.seconds = seconds
        self._record = record
        self._scribe = scribe

    def on_prompt(self, letter: Prompt) -> None:
        """The words first, then the call."""
        self._scribe.sent(self.session, letter)

    def on_reply(self, turn: ModelReply) -> None:
        """The words first, so that what they cost can be found again after a kill; then the money."""
        self._scribe.received(self.session, turn)
        self._record(SessionUsed(session=self.session, usage=turn.usage, model=turn.model, foreign=turn.foreign))


class SessionRecorder:
    """Opens sessions for a run."""

    def __init__(self, record: Callable[[LoopEvent], None], scribe: TranscriptWriter) -> None:
        self._record = record
        self._scribe = scribe

    @contextmanager
    def open(
        self,
        iteration: int,
        attempt: int,
        agent: AgentName,
        model: str,
        *,
        seconds: float,
        purpose: Literal["propose", "grade"] = "propose",
    ) -> Iterator[RecordedSession]:
        """A session around one call; however the call ends, so does the session."""
        spoken = RecordedSession(seconds, self._record, self._scribe)
        self._record(
            SessionOpened(
                session=spoken.session,
                iteration=iteration,
                attempt=attempt,
                agent=agent,
                model=model,
                purpose=purpose,
            )
        )
        started = time.monotonic()
        outcome: SessionOutcome = "failed"
        trouble: AgentErrorKind | Literal[""] = "program"
        message = ""
        try:
            yield spoken
            outcome, trouble = "answered", ""
        except AgentError as error:
            trouble, message = error.trouble, clean(error.what, 300)
            raise
        except asyncio.CancelledError:
            outcome, trouble, message = "cancelled", "", "the run was stopped"
            raise
        except BaseException as error:
            message = clean(f"{type(error).__name__}: {error}", 300)
            raise
        finally:
            self._record(
                SessionClosed(
                    session=spoken.session,
                    outcome=outcome,
                    seconds=time.monotonic() - started,
                    trouble=trouble,
                    message=message,
                )
            )
