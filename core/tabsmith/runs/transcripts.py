"""The transcripts of agent sessions, word for word: `runs/<id>/sessions/<session>.jsonl`.

A reply is on the disk before anything is made of it, so that a paid reply is never paid for again: a new worker closes the
sessions that a dead one left open and books what their transcripts hold. The part of a prompt that is the same in all
sessions of a run is stored once, under its SHA-256, in `sessions/system-<sha>.txt`.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from tabsmith.agents.parse_reply import parse_reply
from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.agents.usage import Usage, total_usage
from tabsmith.errors import AgentReplyError, StorageError
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionUsed
from tabsmith.orchestration.loop.grading import parse_grade
from tabsmith.orchestration.loop_state import SessionState
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
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


class Transcript:
    """The transcript of the session `session`, a UUID, in the folder of its run.

    The texts are exact; they are cleaned where they are shown. All methods raise StorageError.
    """

    def __init__(self, run: Path, session: str, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = run / "sessions"
        self._clock = clock
        self._journal: TypedJournal[_StoredPrompt | ReceivedReply] = TypedJournal(
            self._folder / f"{session}.jsonl", _StoredPrompt | ReceivedReply
        )

    def sent(self, prompt: Prompt) -> None:
        """Keep a prompt that goes out now."""
        sha = _sha(prompt.system)
        path = self._system(sha)
        if not path.exists():
            try:
                data = prompt.system.encode()
            except UnicodeEncodeError as error:
                raise StorageError("A prompt holds half a character, which cannot be stored.") from error
            write_atomic(path, data)
        self._journal.append(_StoredPrompt(self._clock(), sha, prompt.text, prompt.feedback))

    def received(self, turn: ModelReply) -> None:
        """Keep a reply that came in."""
        self._journal.append(ReceivedReply(self._clock(), turn))

    def read(self) -> tuple[TranscriptMessage, ...]:
        """Return the messages, oldest first; empty if there is no such transcript."""
        return tuple(
            each
            if isinstance(each, ReceivedReply)
            else SentPrompt(each.at, Prompt(self._text(each.system), each.text, each.feedback))
            for each in self._journal.read().values
        )

    def recovered_usage(self) -> Usage:
        """Return what all replies used together, whether or not it was booked before the worker died."""
        return total_usage(turn.usage for turn in self._replies())

    def last_reply(self) -> ModelReply | None:
        """Return the last reply; None if none came in."""
        replies = self._replies()
        return replies[-1] if replies else None

    def close(self) -> None:
        """Close the file; a later message opens it again."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _replies(self) -> list[ModelReply]:
        return [each.turn for each in self._journal.read().values if isinstance(each, ReceivedReply)]

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


class FileTranscripts:
    """The transcripts of all sessions of a run, each in a file of its own below the run's folder."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def sent(self, session: str, prompt: Prompt) -> None:
        """Keep a prompt that goes out now."""
        with Transcript(self._run, session) as transcript:
            transcript.sent(prompt)

    def received(self, session: str, reply: ModelReply) -> None:
        """Keep a reply that came in."""
        with Transcript(self._run, session) as transcript:
            transcript.received(reply)

    def last_reply(self, session: str) -> ModelReply | None:
        """The last reply that came in; None if none did."""
        with Transcript(self._run, session) as transcript:
            return transcript.last_reply()

    def recovered_usage(self, session: str) -> Usage:
        """What all replies used together, whether or not it was booked before a worker died."""
        with Transcript(self._run, session) as transcript:
            return transcript.recovered_usage()


def close_lost_sessions(run: RunSnapshot, transcripts: Transcripts, record: Callable[[LoopEvent], None]) -> RunSnapshot:
    """Return the run once its open sessions are closed; what is done about them is recorded."""
    for session in run.sessions:
        if session.outcome == "open":
            for event in _closing(session, run, transcripts):
                record(event)
                run = reduce((event,), run)
    return run


def _closing(session: SessionState, run: RunSnapshot, transcripts: Transcripts) -> list[LoopEvent]:
    """The events that close a session: it was answered if its last reply is an answer."""
    used, reply = transcripts.recovered_usage(session.id), transcripts.last_reply(session.id)
    events: list[LoopEvent] = []
    if reply is not None and used != session.usage:
        missing = used - session.usage
        events.append(SessionUsed(session=session.id, usage=missing, model=reply.model, foreign=reply.foreign))
    seconds = max(0.0, run.updated_at - session.opened_at) if run.updated_at else 0.0
    closed = SessionClosed(session=session.id, outcome="lost", seconds=seconds, message="its worker died")
    if reply is not None:
        try:
            parse_reply(reply.text) if session.purpose == "propose" else parse_grade(reply.text)
            closed = SessionClosed(session=session.id, outcome="answered", seconds=seconds)
        except AgentReplyError as error:
            if session.agent == "llm":  # its first reply is its answer; of others there might have come more
                message = clean(error.what, 300)
                closed = SessionClosed(
                    session=session.id, outcome="failed", seconds=seconds, trouble=error.trouble, message=message
                )
    return [*events, closed]
