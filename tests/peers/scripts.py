"""What a scripted model says: steps, one for each call that a client makes, and what each of them uses."""

from typing import Any, Literal, TypeAlias

import msgspec


class Tokens(msgspec.Struct, frozen=True):
    """Tokens by kind, which do not overlap; reasoning tokens are a part of the output. `calls` counts the replies that
    told a usage."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    calls: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
            self.calls + other.calls,
        )


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="do"):
    """An answer. With `json` it goes through the output tool that the client offers, or as text when there is none;
    with `text` it is always text. `stop` is why a model of Anthropic's stops there, when it is not simply done. `times`
    is how often it is said before the next step."""

    json: dict[str, Any] | None = None
    text: str = ""
    stop: str = "end_turn"
    tokens: Tokens = Tokens(input=1_000, output=50)
    times: int = 1


class Fault(msgspec.Struct, frozen=True, tag="fault", tag_field="do"):
    """Something goes wrong. A `status` is sent with `retry_after` seconds when given; a `hang` never answers; a `cut`
    breaks the connection in the middle of an answer; `empty` is an answer without choices or content; `nonsense` is a
    body that is no JSON. Only `empty` tells a usage."""

    kind: Literal["status", "hang", "cut", "empty", "nonsense"]
    status: int = 500
    retry_after: str = ""
    message: str = ""  # what the error of a `status` says
    tokens: Tokens = Tokens(input=1_000, output=1)
    times: int = 1


class Use(msgspec.Struct, frozen=True, tag="use", tag_field="do"):
    """A call of one of the client's own tools, after a few words; the result of the tool takes the next step."""

    tool: str
    input: dict[str, Any]
    text: str = ""
    tokens: Tokens = Tokens(input=1_000, output=50)
    times: int = 1


Step: TypeAlias = Reply | Fault | Use


class Aside(msgspec.Struct, frozen=True):
    """What is answered, without taking a step, to every request whose body contains `about`."""

    about: str
    step: Step


class Script(msgspec.Struct, frozen=True):
    """Steps, of which the last is repeated for ever, and asides. `follow_up` is what the short closing text uses that
    an agent program asks for after its output tool; `side` what a program's own calls to a small model use."""

    steps: tuple[Step, ...]
    asides: tuple[Aside, ...] = ()
    follow_up: Tokens = Tokens(input=11, output=2)
    side: Tokens = Tokens(input=7, output=3)


class Request(msgspec.Struct, frozen=True):
    """A request as it came in, and the usage that its answer told. `step` is the place in the script that answered it,
    None for an aside, a follow-up, a side call or what is no model call at all."""

    path: str
    session: str  # the header x-claude-code-session-id
    has_key: bool
    body: msgspec.Raw
    tokens: Tokens = Tokens()
    step: int | None = None


def reply(recipe: object, tokens: Tokens = Tokens(input=1_000, output=50), times: int = 1) -> Reply:  # noqa: B008 - frozen
    """A reply with `recipe` (anything that msgspec writes as JSON)."""
    return Reply(json=msgspec.to_builtins(recipe), tokens=tokens, times=times)
