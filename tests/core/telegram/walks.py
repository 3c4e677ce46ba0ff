"""Conversations at every state, walked through the real machine with a real table; what a phone shows of them."""

import re
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tabsmith.config.settings import Settings
from tabsmith.errors import SchemaError
from tabsmith.modeling.results import PredictedFile
from tabsmith.runs.jobs import DetectSchema, JobFailed, Predict, Predicted, ReadTable, SchemaDetected, TableRead
from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema import types
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.text import Rendered, rendered
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import default_values
from tabsmith.workflow.effects import CheckPath, Effect
from tabsmith.workflow.machine import step
from tabsmith.workflow.session import WorkflowSession, new_session
from tabsmith.workflow.states import State
from tests.core.workflow import builders as b

HOSTILE_NAMES = (
    "https://evil.example/x",
    "@admin_bot",
    "/cancel",
    "#tag $TSLA",
    "[click](http://evil.example)",
    "<a href='tg://x'>y</a>",
    "*bold* _it_ `code`",
    "Accept",
    "w:0:c0",
    "\u202egro.live\u202c",
    "zero\u200bwidth.com",
    "long " * 2_000,
    "me@evil.example",
    "+49 170 1234567",
    "😀" * 80,
    "a, b; c",
    "3",
)
PREDICTED = "price"
LINK = re.compile(r"://|\w\.[^\W\d]|\d+\.\d+\.\d+\.\d|[@#$]\w|(?:^|[^\w])/\w|\d[\d ()-]{6,}\d")
"""What Telegram's apps make a link of: addresses, mails, @names, #tags, $TAGS, /commands, phone numbers."""


class Walker:
    """Answers what the machine asks for with a table that was really read."""

    def __init__(self, info: TableInfo, detected: Schema) -> None:
        self.info, self.detected = info, detected
        source = info.source
        assert isinstance(source, FileSource)
        self.path = source.path

    def answer(self, session: WorkflowSession, *answers: actions.WorkflowAction) -> WorkflowSession:
        """The session after the answers, all work done as it is asked for; each step counts as saved."""
        for each in answers:
            taken = step(session, each, b.moment())
            while taken.effect and (result := self._result(taken.effect, taken.session)) is not None:
                taken = step(taken.session, result, b.moment())
            session = replace(taken.session, revision=session.revision + 1)
        return session

    def at_every_state(self) -> dict[State, WorkflowSession]:
        """A session at each of the states."""
        start = new_session("telegram-7", default_values(Settings()), b.NOW, "20231114-221320-abc123")
        found = {State.IDLE: start}

        def walk(session: WorkflowSession, *answers: actions.WorkflowAction) -> WorkflowSession:
            for each in answers:
                session = self.answer(session, each)
                found.setdefault(session.state, session)
            return session

        chosen = walk(start, actions.Begin())
        walk(chosen, actions.ChooseUpload())
        load = walk(chosen, actions.ChooseFile(), actions.GivePath(self.path))
        walk(load, actions.Defer())
        read_in = walk(load, actions.LoadNow())
        walk(read_in, actions.EditSchema(), actions.ChooseTarget())
        training = walk(read_in, actions.AcceptSchema(), actions.Train())
        walk(training, actions.RunInterrupted(training.run_id))
        trained = walk(training, actions.RunFinished(b.report(training.run_id)))
        walk(trained, actions.PredictRows())
        walk(trained, actions.Finish())
        assert set(found) == set(State)
        return found

    def _result(self, effect: Effect, session: WorkflowSession) -> actions.WorkflowAction | None:
        match effect:
            case CheckPath(path=path, out=out):
                return actions.PathAccepted(FileSource(path), self.info.size, self.info.modified, out)
            case ReadTable():
                return TableRead(self.info, self.detected, b.NO_ROWS)
            case DetectSchema(target=target):
                try:
                    return SchemaDetected(detect_schema(self.info, target))
                except SchemaError as error:
                    return JobFailed(error.report())
            case Predict(model_id=model_id, out=out):
                return Predicted(PredictedFile(model_id, 10, ("prediction",), out), b.NO_ROWS)
        return None


def hostile_table(folder: Path) -> Walker:
    """A file whose columns have the names that a forger would give them, read as any other."""
    names = (*HOSTILE_NAMES, PREDICTED)
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    lines = [quoted]
    for row in range(300):
        cells = [str((row * (at + 3)) % (5 + at)) for at in range(len(names) - 1)]
        lines.append(",".join([*cells, f"{row * 1.5 + row % 7:.2f}"]))
    lines[5] = lines[5].rsplit(",", 2)[0] + ',"@evil_bot www.evil.example",7.5'
    path = folder / "www.evil.example @admin_bot.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    info = read_source(FileSource(str(path)), allowed=(folder,), max_mb=50)
    return Walker(info, detect_schema(info, PREDICTED))


def plain_table(folder: Path) -> Walker:
    """Houses with a price, a date and a district."""
    path = folder / "houses.csv"
    districts = ("north", "south", "west")
    rows = [
        f"{row},{50 + row % 90},{row % 5 + 1},{districts[row % 3]},2024-{row % 12 + 1:02d}-01,"
        f"{(50 + row % 90) * 2000 + row}"
        for row in range(120)
    ]
    path.write_text("\n".join(["id,area,rooms,district,sold,price", *rows]) + "\n")
    info = read_source(FileSource(str(path)), allowed=(folder,), max_mb=50)
    return Walker(info, detect_schema(info, PREDICTED))


def wide_table(folder: Path, columns: int = 5_000) -> Walker:
    """As many columns as a table may have, all with long names, evidence and warnings."""
    path = str(folder / "wide.csv")
    names = [f"{'😀' * 30}{at}" for at in range(columns - 1)] + [PREDICTED]
    described = tuple(
        ColumnSchema(
            name,
            "numeric",
            "target" if name == PREDICTED else "feature",
            "😀" * 120,
            (types.ColumnWarning("leak suspect", f"{'😀' * 110} www.evil.example"),),
        )
        for name in names
    )
    profile = TableProfile(9, tuple(ColumnProfile(name, "float", 9, 0, 9) for name in names))
    info = replace(b.table(FileSource(path), 10, 5.0), profile=profile, rejected_count=12, repaired_count=3)
    return Walker(info, Schema(described, PREDICTED, (), "regression", Split("random"), rows=9))


def shown(message: OutgoingMessage) -> Rendered:
    """The message as Telegram gets it."""
    return rendered(message.text)


def outside_code(message: OutgoingMessage) -> str:
    """What of a message Telegram looks for links in: all that is not code."""
    text = shown(message)
    raw = text.text.encode("utf-16-le", "surrogatepass")
    for entity in text.entities:
        if entity.type in ("code", "pre"):
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            raw = raw[:start] + "\x00".encode("utf-16-le") * entity.length + raw[end:]
    return raw.decode("utf-16-le", "surrogatepass")


def length(message: OutgoingMessage) -> int:
    """In UTF-16 units, as Telegram counts."""
    return len(shown(message).text.encode("utf-16-le", "surrogatepass")) // 2


def again(value: OutgoingMessage) -> OutgoingMessage:
    """The message after the way over the outbox."""
    return msgspec.json.decode(msgspec.json.encode(value), type=OutgoingMessage)
