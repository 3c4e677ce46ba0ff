"""Agent sessions: each has a fresh UUID, is recorded before the call and closed however it ends; replies are booked at
once, and all that is said is kept in its transcript."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import uuid4

import msgspec

from tabsmith.agents.protocol import AgentErrorKind, AgentName, ModelReply, Prompt
from tabsmith.errors import AgentError, StorageError
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionOpened, SessionOutcome, SessionUsed
from tabsmith.storage import TypedJournal, write_atomic
from tabsmith.text import clean


class SentPrompt(msgspec.Struct, frozen=True):
    """A prompt that went to the agent."""

    at: float
    prompt: Prompt


class ReceivedReply(msgspec.Struct, frozen=True, tag="received", tag_field="message"):
    """A reply as it came."""

    at: float
    turn: ModelReply


TranscriptMessage: TypeAlias = SentPrompt | ReceivedReply


class _StoredPrompt(msgspec.Struct, frozen=True, tag="sent", tag_field="message"):
    """A prompt as it is stored; `system` is a SHA-256."""

    at: float
    system: str
    text: str
    feedback: str = ""


class Transcripts:
    """The transcripts of the sessions of a run, word for word: `sessions/<session>.jsonl` in the run's folder.

    A reply is on the disk before anything is made of it, so that a paid reply is never paid for again. The part of a
    prompt that is the same in all sessions is stored once, under its SHA-256, in `sessions/system-<sha>.txt`. The texts are
    exact; they are cleaned where they are shown. All methods raise StorageError.
    """

    def __init__(self, run: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = run / "sessions"
        self._clock = clock

    def sent(self, session: str, prompt: Prompt) -> None:
        """Keep a prompt that goes out now."""
        sha = _sha(prompt.system)
        path = self._system(sha)
        if not path.exists():
            try:
                data = prompt.system.encode()
            except UnicodeEncodeError as error:
                raise StorageError("A prompt holds half a character, which cannot be stored.") from error
            write_atomic(path, data)
        with self._journal(session) as journal:
            journal.append(_StoredPrompt(self._clock(), sha, prompt.text, prompt.feedback))

    def received(self, session: str, reply: ModelReply) -> None:
        """Keep a reply that came in."""
        with self._journal(session) as journal:
            journal.append(ReceivedReply(self._clock(), reply))

    def read(self, session: str) -> tuple[TranscriptMessage, ...]:
        """Return the messages, oldest first; empty if there is no such transcript."""
        return tuple(
            each
            if isinstance(each, ReceivedReply)
            else SentPrompt(each.at, Prompt(self._text(each.system), each.text, each.feedback))
            for each in self._journal(session).read().values
        )

    def replies(self, session: str) -> list[ModelReply]:
        """Return all replies, whether or not what they used was booked before a worker died."""
        return [each.turn for each in self._journal(session).read().values if isinstance(each, ReceivedReply)]

    def _journal(self, session: str) -> TypedJournal[_StoredPrompt | ReceivedReply]:
        return TypedJournal(self._folder / f"{session}.jsonl", _StoredPrompt | ReceivedReply)

    def _system(self, sha: str) -> Path:
        return self._folder / f"system-{sha}.txt"

    def _text(self, sha: str) -> str:
        """The part of a prompt that is stored once; if it is lost or was changed, a sentence that says so."""
        try:
            text = self._system(sha).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return f"(the beginning of this prompt is lost: {self._system(sha).name} cannot be read)"
        if _sha(text) != sha:
            return f"(the beginning of this prompt is lost: {self._system(sha).name} was changed)"
        return text


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


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
