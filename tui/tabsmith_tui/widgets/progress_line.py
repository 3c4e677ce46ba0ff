"""The progress of a job in one line: its name, a bar, the key that cancels it, and its last message. Nothing spins."""

from tabsmith.runs.jobs import Progressed
from tabsmith.text import clean
from tabsmith_tui.widgets.literal import TextLine, assemble, literal

_WIDTH = 16


class ProgressLine(TextLine):
    """Hidden while no job runs."""

    DEFAULT_CSS = "ProgressLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def begin(self, job: str) -> None:
        """Show that `job` runs; how far it is cannot be known yet."""
        self._job = clean(job, 100)
        self.show_progress(Progressed(-1.0, ""))
        self.display = True

    def show_progress(self, progress: Progressed) -> None:
        """Show the share that is done, and the job's message."""
        done = round(max(0.0, min(1.0, progress.share)) * _WIDTH)
        bar = "" if progress.share < 0 else f"  {'━' * done}{'╌' * (_WIDTH - done)} {progress.share:.0%}"
        message = literal(f"  {progress.message}" if progress.message else "", 200, "$quiet")
        self.show(assemble(("◔ ", "$accent"), self._job, (bar, "$accent"), ("   esc cancels", "$quiet"), message))

    def end(self) -> None:
        """Hide the line."""
        self.show("")
        self.display = False
