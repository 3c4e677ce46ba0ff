"""Commands of a person to a run, as data: appended to `runs/<id>/commands.jsonl`, acted on within 50 ms."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.config.settings import Mode
from tabsmith.limits import LimitName
from tabsmith.orchestration.questions import Reply


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """A command that a person gave at `at`, seconds since 1970."""

    at: float = 0.0


class Pause(Command, frozen=True, tag="pause"):
    """Hold everything, fits included, until Resume. Paused time is not counted."""


class Resume(Command, frozen=True, tag="resume"):
    """Go on after a pause."""


class Stop(Command, frozen=True, tag="stop"):
    """End the run and keep the best model so far. `now` ends the current fit; otherwise the fit is finished first."""

    when: Literal["now", "after iteration"] = "now"


class SetLimit(Command, frozen=True, tag="set_limit"):
    """Set a limit to `to`, a decimal (`2.50`, `40`; seconds are of active time); 0 takes the limit away."""

    limit: LimitName
    to: str


class Answer(Command, frozen=True, tag="answer"):
    """Answer the question `id`; an answer to a question that is not open any more is passed over."""

    id: str
    reply: Reply


class SetMode(Command, frozen=True, tag="set_mode"):
    """Ask the person as `mode` says, from now on."""

    mode: Mode


class Note(Command, frozen=True, tag="note"):
    """Tell the agent `text`, in every brief from now on."""

    text: str


RunCommand: TypeAlias = Pause | Resume | Stop | SetLimit | Answer | SetMode | Note
