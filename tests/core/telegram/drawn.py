"""What is drawn for a phone, looked at as Telegram would: what could become a link, what a button says, what fits."""

import re
from collections.abc import Iterator

from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration.decisions import Cause
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunState
from tabsmith.telegram.render.messages import LONGEST_DATA, Button, OutgoingMessage
from tabsmith.telegram.render.text import LONGEST_TEXT, StyledText, rendered
from tests.stories import journals
from tests.stories.agent_story import AgentStory, asked_for
from tests.stories.hostile import HOSTILE
from tests.stories.journals import Story
from tests.stories.task_story import TaskStory

LINKS: tuple[str, ...] = (
    "https://evil.example/pay",
    "evil.example",
    "see t.me/joinchat now",
    "tg://resolve?domain=x",
    "@admin says yes",
    "/cancel",
    "do /settings it",
    "#winner",
    "$BTC",
    "a@b.example",
    "+49 170 1234567",
    "*bold* _it_ `code` [x](http://evil.example)",
)
"""Names of which Telegram's apps make something to press, where they stand in plain text."""
NAMES: tuple[str, ...] = (*LINKS, *HOSTILE)
_PRESSABLE = re.compile(
    r"\w+://|[\w+-]+@\w|(?<!\w)[@#]\w|\$[A-Za-z]|(?<![\w/])/[A-Za-z]|\w\.[^\W\d]{2}|\+?\d[\d ()-]{6,}\d"
)
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def plain(message: OutgoingMessage | StyledText) -> str:
    """The text that is read."""
    text = message.text if isinstance(message, OutgoingMessage) else message
    return rendered(text, 10**9).text


def buttons(message: OutgoingMessage) -> Iterator[Button]:
    """The buttons, row by row."""
    for row in message.keyboard:
        yield from row


def labels(message: OutgoingMessage) -> list[str]:
    """What stands on the buttons."""
    return [button.label for button in buttons(message)]


def data(message: OutgoingMessage, label: str) -> str:
    """The data of the button with this label."""
    return next(button.data for button in buttons(message) if button.label == label)


def require_harmless(message: OutgoingMessage | StyledText) -> None:
    """Nothing in it can be pressed but its buttons, nothing reaches a terminal, and all of it fits."""
    text = message.text if isinstance(message, OutgoingMessage) else message
    shown = rendered(text)
    assert 0 < len(shown.text.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    covered = shown.text.encode("utf-16-le")
    for entity in shown.entities:
        if entity.type in ("code", "pre"):
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            # In the place of each unit one that belongs to no word and to no link.
            covered = covered[:start] + "\u00a7".encode("utf-16-le") * entity.length + covered[end:]
    bare = covered.decode("utf-16-le")
    found = _PRESSABLE.search(bare)
    assert found is None, f"{found} in {bare!r}"
    assert not _CONTROL.search(shown.text.replace("\t", " "))
    for button in buttons(message) if isinstance(message, OutgoingMessage) else ():
        assert 1 <= len(button.data.encode()) <= LONGEST_DATA
        assert not _CONTROL.search(button.label)
        assert not any(name in button.label for name in LINKS)


def hostile_agent(cause: Cause = "breakpoint") -> AgentStory:
    """A run in which everything that an agent, its server or a table can write means harm."""
    story = AgentStory(asked_for(path="/tmp/" + NAMES[1]), model=NAMES[0])
    story.begin(journals.schema(NAMES[0], NAMES))
    words = "\n".join(NAMES)
    for place, name in enumerate(NAMES[:14]):
        story.model = name
        story.offer(Recipe("lightgbm", name), name, reason=words).measure(Recipe("lightgbm", name), 30_000 - place, 300)
        story.judge(0.7, "clarify", words).crown(Recipe("lightgbm", name), 30_000 - place, 300).over(words)
    story.no_answer("network", words, 1)
    story.hand_over(words)
    story.warn("dollars", 0.8, words)
    return story.question(cause, words, details=words, condition="evil.example/when")


def hostile_work() -> AgentStory:
    """The same before anything is asked or handed over: the agent's model and what the run is doing mean harm."""
    story = AgentStory(asked_for(path="/tmp/" + NAMES[1]), model=NAMES[0]).begin(journals.schema(NAMES[0], NAMES))
    story.ask("claude-code")
    story.open()
    return story.tell(run.StateChanged(state=RunState.WAITING, message="\n".join(NAMES)))


def hostile_reading() -> Story:
    """A run that reads a table with such a name."""
    story = Story(journals.spec(path="/tmp/" + NAMES[1]))
    story.tell(run.RunStarted(spec=story.spec, pid=4_711, attempt=1, version="0.1.0"), 0.4)
    story.tell(run.StateChanged(state=RunState.READING, message=NAMES[0]))
    return story.tell(run.ReadingProgress(share=0.4, message=NAMES[0]), 0.2)


def hostile_tasks() -> TaskStory:
    """A run of tasks with such names, reasons and commands."""
    story = TaskStory(*LINKS, path="/tmp/" + NAMES[1]).read()
    story.start(LINKS[0]).send(LINKS[0]).leave("\n".join(NAMES)).prove(1, "\n".join(NAMES)).settle(0.1, "escalate")
    story.finish(LINKS[0], "failed", LINKS[1], why="stuck", back="no")
    story.start(LINKS[1]).send(LINKS[1])
    return story.question("permission", f"Bash: {LINKS[0]}", details="risk high")


def hostile_reports() -> tuple[ModelReport, ModelReport]:
    """Reports in which every name and note means harm."""
    words = "\n".join(NAMES)
    first = journals.price_report(names=NAMES, source=words, model_id=LINKS[0], notes=NAMES)
    return first, journals.class_report(classes=LINKS[:4], source=words, notes=(words,))
