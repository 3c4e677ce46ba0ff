"""The dialog in which a person says how a table is to be read, with what it does shown at once."""

from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.timer import Timer

from tabsmith.errors import ErrorReport, UsageError
from tabsmith.formatting import count
from tabsmith.presentation.spans import Span
from tabsmith.presentation.tables import reading_line, sheet_line
from tabsmith.runs.jobs import JobFailed, PreviewSource, SourcePreviewed
from tabsmith.tables.info import Preview, TableInfo
from tabsmith.tables.read.option_texts import OPTION_TEXTS, option_texts, parse_options
from tabsmith.tables.read.sources import DatabaseSource, FileSource, ReadOptions, RemoteSource
from tabsmith.text import clean
from tabsmith.workflow.effects import run_job
from tabsmith_tui.actions import bindings
from tabsmith_tui.screens.base import AppServices, DialogScreen, start_worker
from tabsmith_tui.views.lines import LineColumn
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.fields import FieldRow, TypedLine
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import ContentText, TextLine, literal, set_border_title

QUIET_SECONDS: Final = 0.3
"""Seconds without a key after which the preview is made again."""
MOST_COLUMNS: Final = 24
WIDEST_CELL: Final = 24
_IN_TEXT: Final = ("delimiter", "quote", "escape", "encoding", "header", "skip", "dates", "missing", "columns")
_IN_BOOK: Final = ("sheet", "header", "skip", "dates", "missing", "columns")
_IN_DATABASE: Final = ("sheet", "query", "dates", "missing", "columns")
_FIELDS: Final = {
    **dict.fromkeys(("xlsx", "xls", "ods"), _IN_BOOK),
    **dict.fromkeys(("sqlite", "duckdb", "database"), _IN_DATABASE),
    **dict.fromkeys(("parquet", "stata", "spss", "por", "sas7bdat", "xport"), ("columns",)),
    "zip": ("sheet", *_IN_TEXT),
}
"""The options that mean something for a format; for any other those of a text."""


class OptionRow(FieldRow):
    """One read option; an empty field leaves it to tabsmith."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, id=f"option-{name}")
        self.option = name
        self._text = text

    def make_entry(self) -> TypedLine:
        return TypedLine(self._text, placeholder="found out", select_on_focus=False)

    def on_mount(self) -> None:
        self.show_note(literal(OPTION_TEXTS[self.option].help, 200))


class ReadingDialog(DialogScreen[ReadOptions | None]):
    """The options of reading and the first rows that come of them; closes with the options, or None for no change."""

    ABOUT = "Type what tabsmith got wrong about the file; the rows below show at once what comes of it."
    BINDINGS: ClassVar[list[BindingType]] = bindings("question.use")
    DEFAULT_CSS = """
    ReadingDialog .dialog { width: 96%; max-width: 140; height: 92%; max-height: 92%; border-title-color: $primary; }
    ReadingDialog VerticalScroll { height: auto; max-height: 60%; }
    ReadingDialog #reading { height: auto; margin-top: 1; }
    ReadingDialog #reading.-bad { color: $bad; }
    ReadingDialog LinesTable { height: 1fr; margin-top: 1; background: $surface; }
    """

    def __init__(
        self, source: FileSource | DatabaseSource | RemoteSource, services: AppServices, format_name: str
    ) -> None:
        super().__init__()
        self._source = source
        self._services = services
        self._names = _FIELDS.get(format_name, _IN_TEXT)
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        texts = option_texts(self._source.options)
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, "How the table is read")
            with VerticalScroll(can_focus=False):
                for name in self._names:
                    yield OptionRow(name, texts.get(name, ""))
            yield TextLine(id="reading")
            yield LinesTable(chooses=False)
        yield KeysBar()

    def on_mount(self) -> None:
        self.query(TypedLine).first().focus()
        self._preview_soon()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(QUIET_SECONDS, self._preview_soon)

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        """Close with the options, unless one of them cannot be."""
        options = self._options()
        if options is not None:
            self.dismiss(options)

    def _options(self) -> ReadOptions | None:
        """The options as typed; None, with the reason beside the field, if one of them cannot be."""
        texts = {}
        problems = False
        for row in self.query(OptionRow):
            try:
                parse_options({row.option: row.value})
            except UsageError as error:
                row.show_note(literal(f"✘ {error.next_step}", 200), bad=True)
                problems = True
            else:
                row.show_note(literal(OPTION_TEXTS[row.option].help, 200))
                if row.value:
                    texts[row.option] = row.value
        return None if problems else parse_options(texts)

    def _preview_soon(self) -> None:
        options = self._options()
        if options is not None:
            start_worker(self, partial(self._preview, options), "preview", alone=True)

    async def _preview(self, options: ReadOptions) -> None:
        from msgspec.structs import replace

        self._say("reading …")
        result = await run_job(PreviewSource(replace(self._source, options=options)), self._services.supervisor)
        match result:
            case SourcePreviewed(info=info, preview=preview):
                self._say(literal(_facts(info), 400))
                self._show_rows(preview)
            case JobFailed(error=error):
                self._say(_problem(error), bad=True)
            case _:
                raise TypeError(f"{type(result).__name__} is no answer to a preview")

    def _say(self, text: ContentText, *, bad: bool = False) -> None:
        line = self.query_one("#reading", TextLine)
        line.set_class(bad, "-bad")
        line.show(text)

    def _show_rows(self, preview: Preview) -> None:
        shown = range(min(len(preview.names), MOST_COLUMNS))
        columns = tuple(
            LineColumn(clean(preview.names[index], WIDEST_CELL), _width(preview, index), drop=index) for index in shown
        )

        def cells(row: int) -> tuple[Span, ...]:
            return tuple(Span(clean(text, WIDEST_CELL)) for text in preview.rows[row][:MOST_COLUMNS])

        self.query_one(LinesTable).show_rows(len(preview.rows), cells, columns=columns)


def _facts(info: TableInfo) -> str:
    sheet = sheet_line(info) if len(info.sheets) > 1 else ""
    parts = [sheet, reading_line(info), f"{count(len(info.profile.columns))} columns"]
    if info.rejected_count:
        parts.append(f"{count(info.rejected_count)} lines rejected")
    return "; ".join(filter(None, parts))


def _problem(error: ErrorReport) -> ContentText:
    return literal(f"✘ {error.what} {error.next_step}", 600)


def _width(preview: Preview, index: int) -> int:
    longest = max((len(row[index]) for row in preview.rows), default=0)
    return max(4, min(WIDEST_CELL, max(longest, len(preview.names[index]))))
