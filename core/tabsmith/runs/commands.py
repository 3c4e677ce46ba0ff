"""What a person tells a run, as data: appended to `runs/<id>/commands.jsonl`, acted on within 50 ms."""

from typing import Literal, TypeAlias

import msgspec


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """Something a person asked for at `at`, seconds since 1970."""

    at: float = 0.0


class Pause(Command, frozen=True, tag="pause"):
    """Hold everything, fits included, until told to go on. Paused time is not counted."""


class Resume(Command, frozen=True, tag="resume"):
    """Go on after a pause."""


class Stop(Command, frozen=True, tag="stop"):
    """End the run and keep the best model so far. `now` ends the current fit; otherwise it is let through."""

    when: Literal["now", "after iteration"] = "now"


class SetLimit(Command, frozen=True, tag="set_limit"):
    """Another time limit in seconds (of active time), or another number of iterations; -1 leaves it as it is."""

    seconds: float = -1.0
    iterations: int = -1


RunCommand: TypeAlias = Pause | Resume | Stop | SetLimit
