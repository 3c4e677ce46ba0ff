"""The explore screen: a table is asked in words; its answers are kept, named, pinned and handed on."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, OptionList

from tabsmith.errors import ErrorReport, report_of
from tabsmith.presentation.findings import findings_csv, findings_markdown, findings_title
from tabsmith.presentation.spans import line
from tabsmith.runs.jobs import AskTable, JobFailed, JobResult, TableAsked
from tabsmith.statistics.kept.session import FindingsSession, FindingsStore, KeptFindings
from tabsmith.statistics.words.examples import example_questions
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Reading, Understood
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean, plural
from tabsmith.workflow.session import LOCAL_USER
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.views.findings import answer_lines, asked_back_lines
from tabsmith_tui.widgets.ask_bar import AskBar
from tabsmith_tui.widgets.bars import ProgressLine
from tabsmith_tui.widgets.drawing import ReadingPane
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import TextLine, literal
from tabsmith_tui.widgets.menu import Group, Item, Menu

if TYPE_CHECKING:
    from textual.worker import Worker

WIDE: Final = 100


class ExploreScreen(TabsmithScreen):
    """Questions to one table, answered in a job; the answers of earlier sittings are there again."""

    SCOPE = "explore"
    CSS_PATH = STYLES / "explore.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as Textual declares it
    BINDINGS = bindings_of("explore")
    AUTO_FOCUS = "#question"
    ABOUT = (
        "Ask this table in words: averages, counts, what is missing, what goes together, whether groups differ. What was "
        "understood stands above each answer; where your question is not clear, you are asked back. Nothing that you "
        "type is run as code, and the table is only read."
    )

    def __init__(self, table: TableInfo, user: str = LOCAL_USER) -> None:
        super().__init__()
        self._table = table
        self._user = user
        self._store = FindingsStore(table, user)
        self._session = FindingsSession()
        self._offered: tuple[Reading, ...] = ()
        self._question_back: tuple[str, AskBack | Elsewhere] | None = None
        self._offered_question = ""
        self._work: Worker[None] | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="middle"):
            yield Menu(id="kept")
            yield ReadingPane(id="answer")
        yield ProgressLine(id="progress")
        yield AskBar(id="naming")
        with Horizontal(id="line"):
            yield TextLine("? ", id="mark")
            yield TypedLine(id="question", placeholder="ask this table, such as: what is missing?", compact=True)

    def on_mount(self) -> None:
        """The answers of earlier sittings are read after the first frame."""
        self.show_subject(literal(f"explore {describe_source(self._table.source)}", 80))
        self.query_one(ProgressLine).end()
        self.call_after_refresh(lambda: start_worker(self, self._load, "load"))

    async def _load(self, number: int = 0) -> None:
        try:
            self._session = await asyncio.to_thread(self._store.load)
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self.show_error(error)
            return
        if self.is_open:
            self._show_list(number)
            self._show_answer()

    # What is shown -----------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> KeptFindings | None:
        """The answer under the cursor, or the latest one."""
        key = self.query_one(Menu).current
        chosen = [kept for kept in self._session.kept if str(kept.number) == key]
        return next(iter(chosen or self._session.kept[-1:]), None)

    def _show_list(self, number: int = 0) -> None:
        menu = self.query_one(Menu)
        items = tuple(
            Item(str(kept.number), (literal(f"{'★ ' if kept.pinned else ''}{findings_title(kept)}", 34),))
            for kept in reversed(self._session.kept)
        )
        self.set_class(not items, "-empty")
        menu.put((Group("Answers", items),) if items else ())
        if number:
            index = next(
                (place for place in range(menu.option_count) if menu.get_option_at_index(place).id == str(number)), None
            )
            menu.highlighted = index
        tests = len(self._session.p_values)
        self.show_status(
            *([plural(tests, "test") + " made"] if tests else []), plural(len(self._session.kept), "answer")
        )

    def _show_answer(self) -> None:
        pane = self.query_one(ReadingPane)
        width = max(30, pane.size.width - 4)
        if self._question_back is not None:
            pane.show(asked_back_lines(*self._question_back, width))
        elif (kept := self._current) is not None:
            pane.show(answer_lines(self._session, kept, width))
        else:
            examples = [line(f"  {example}") for example in example_questions(self._table.profile)]
            pane.show([line("Ask this table in words. For example:", "strong"), (), *examples])
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Draw the answer for the new width."""
        self.call_after_refresh(self._show_answer)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self.query_one(Menu).has_focus:
            self._question_back = None
        self._show_answer()

    # Asking ------------------------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#question")
    def _asked(self, event: Input.Submitted) -> None:
        event.stop()
        question = event.value.strip()
        if not question or self._work is not None:
            return
        place = int(question) - 1 if question.isascii() and question.isdecimal() and len(question) < 3 else -1
        chosen = self._offered[place] if 0 <= place < len(self._offered) else None
        if isinstance(chosen, Elsewhere):
            self._ask_back(self._offered_question, chosen)
            return
        if chosen is None:
            self._offered_question = question
        understood = chosen if isinstance(chosen, Understood) else None
        job = AskTable(self._table, self._offered_question, self._user, understood)
        self.query_one(ProgressLine).begin("asking")
        self._work = start_worker(self, partial(self._carry_out, job), "job")

    async def _carry_out(self, job: AskTable) -> None:
        progress = self.query_one(ProgressLine)
        result: JobResult | None = None
        try:
            result = await self.services.supervisor.job(job, progress.show_progress)
        except asyncio.CancelledError:
            if self.is_open:
                self.app.notify("Cancelled. Your question is still here.")
            raise
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self._fail(report_of(error))
        finally:
            self._work = None
            progress.end()
        match result:
            case TableAsked(reading=Understood(), kept=kept):
                self._question_back, self._offered = None, ()
                self.query_one("#question", Input).value = ""
                await self._load(kept[-1])
            case TableAsked(reading=AskBack() | Elsewhere() as reading):
                self._ask_back(job.question, reading)
            case JobFailed(error=report):
                self._fail(report)
            case _:
                pass

    def _ask_back(self, question: str, reading: AskBack | Elsewhere) -> None:
        self._question_back = (question, reading)
        self._offered = reading.choices if isinstance(reading, AskBack) else ()
        field = self.query_one("#question", Input)
        field.value = "" if self._offered else question
        field.focus()
        self._show_answer()

    def _fail(self, report: ErrorReport) -> None:
        self.query_one("#question", Input).focus()
        self.show_error(report)

    # What is done with an answer -----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer what is done with an answer only where there is one."""
        return action not in {"pin", "name", "copy", "export", "forget"} or bool(self._session.kept)

    def action_ask(self) -> None:
        """Go to the line to type in."""
        self.query_one("#question", Input).focus()

    def action_pin(self) -> None:
        """Pin the answer, or take the pin off."""
        if (kept := self._current) is not None:
            start_worker(self, partial(self._pin, kept), "change")

    async def _pin(self, kept: KeptFindings) -> None:
        if await self.succeeds(lambda: self._store.pin(kept.number, pinned=not kept.pinned)):
            await self._load(kept.number)

    def action_name(self) -> None:
        """Ask for the answer's name."""
        if (kept := self._current) is not None:
            self.query_one(AskBar).ask(str(kept.number), f"Name of answer {kept.number}", kept.name)

    @on(AskBar.Answered)
    async def _named(self, event: AskBar.Answered) -> None:
        event.stop()
        number, name = int(event.subject), event.text
        self.query_one(AskBar).close()
        self.query_one(Menu).focus()
        if await self.succeeds(lambda: self._store.rename(number, name)):
            await self._load(number)

    @on(AskBar.TakenBack)
    def _not_named(self, event: AskBar.TakenBack) -> None:
        event.stop()
        self.query_one(AskBar).close()
        self.query_one("#question", Input).focus()

    def action_forget(self) -> None:
        """Drop the answer."""
        if (kept := self._current) is not None:
            start_worker(self, partial(self._forget, kept), "change")

    async def _forget(self, kept: KeptFindings) -> None:
        if await self.succeeds(lambda: self._store.forget(kept.number)):
            await self._load()

    async def action_copy(self) -> None:
        """Copy the answer as Markdown."""
        if (kept := self._current) is not None:
            await copy_and_tell(findings_markdown(self._session, (kept.number,)), self.app, "The answer:")

    def action_export(self) -> None:
        """Write the answers into a folder."""
        start_worker(self, self._export, "export", alone=True)

    async def _export(self) -> None:
        folder = Path.cwd() / f"{Path(describe_source(self._table.source)).stem or 'table'}-answers"
        if await self.succeeds(lambda: export_answers(self._session, folder)):
            self.app.notify(f"Written to {clean(str(folder), 200)}")

    def action_back(self) -> None:
        """Cancel what is computed; else go back."""
        if self._work is not None:
            self._work.cancel()
        else:
            self.app.pop_screen()


def export_answers(session: FindingsSession, folder: Path) -> None:
    """Write the pinned answers, or all, into `folder`: one Markdown file, and a CSV and a PNG for each answer.

    Pictures are left out where matplotlib is not installed, which the Markdown file says.
    """
    from tabsmith.reports.figures import MatplotlibMissingError
    from tabsmith.reports.findings_chart import findings_chart

    folder.mkdir(parents=True, exist_ok=True)
    chosen = [kept for kept in session.kept if kept.pinned] or list(session.kept)
    text = findings_markdown(session, [kept.number for kept in chosen])
    for kept in chosen:
        (folder / f"{kept.number}.csv").write_text(findings_csv(kept.findings), encoding="utf-8")
        if kept.findings.picture is not None:
            try:
                (folder / f"{kept.number}.png").write_bytes(findings_chart(kept.findings))
            except MatplotlibMissingError as error:
                text += f"\n{error.what} {error.next_step}\n"
                break
    (folder / "answers.md").write_text(text, encoding="utf-8")
