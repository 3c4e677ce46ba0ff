"""Agent sessions: each has a fresh UUID, is recorded before the call and closed however it ends; replies are booked at
once."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol
from uuid import uuid4

from tabsmith.agents.protocol import AgentErrorKind, AgentName, ModelReply, Prompt
from tabsmith.agents.usage import Usage
from tabsmith.errors import AgentError
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionOpened, SessionOutcome, SessionUsed
from tabsmith.text import clean


class Transcripts(Protocol):
    """The exact words of all sessions of a run."""

    def sent(self, session: str, prompt: Prompt) -> None:
        """Keep a prompt that goes out now."""
        ...

    def received(self, session: str, reply: ModelReply) -> None:
        """Keep a reply that came in."""
        ...

    def last_reply(self, session: str) -> ModelReply | None:
        """The last reply that came in; None if none did."""
        ...

    def recovered_usage(self, session: str) -> Usage:
        """What all replies used together, whether or not it was booked before a worker died."""
        ...


class RecordedSession:
    """An open session: the `AgentSession` that an agent gets for a call."""

    def __init__(self, seconds: float, record: Callable[[LoopEvent], None], transcripts: Transcripts) -> None:
        self.session = str(uuid4())
        self.seconds = seconds
        self._record = record
        self._transcripts = transcripts

    def on_prompt(self, prompt: Prompt) -> None:
        """Keep the prompt before it goes out."""
        self._transcripts.sent(self.session, prompt)

    def on_reply(self, reply: ModelReply) -> None:
        """Keep the reply first, so that its cost can be found again after a kill; then record what it used."""
        self._transcripts.received(self.session, reply)
        self._record(SessionUsed(session=self.session, usage=reply.usage, model=reply.model, foreign=reply.foreign))


class SessionRecorder:
    """Opens sessions for a run."""

    def __init__(self, record: Callable[[LoopEvent], None], transcripts: Transcripts) -> None:
        self._record = record
        self._transcripts = transcripts

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
        """Open a session around one call; however the call ends, the session is closed."""
        session = RecordedSession(seconds, self._record, self._transcripts)
        self._record(
            SessionOpened(
                session=session.session,
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
            yield session
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
                    session=session.session,
                    outcome=outcome,
                    seconds=time.monotonic() - started,
                    trouble=trouble,
                    message=message,
                )
            )
