"""The `tabsmith` command: its commands, imported when they are called, and the errors that end them."""

import os
import sys
from importlib import import_module
from typing import Final

import click
import msgspec

from tabsmith.errors import INTERRUPTED, ErrorReport, report_of
from tabsmith.text import clean_block, escaped_json
from tabsmith.version import __version__

_COMMANDS: Final = {
    "read": ("read", "Read a table and say what was found in it."),
    "schema": ("read", "Say what tabsmith understands of a table: kinds, roles, target, task, split."),
    "ask": ("ask", "Ask a table a question in words."),
    "explore": ("ask", "Describe, relate, compare, regress, count: statistics by their names."),
    "report": ("report", "Write a model, a run or a table as one offline HTML page."),
    "train": ("train", "Train a model on a table."),
    "task": ("task", "Have agents do the tasks of a file, and prove each by a command."),
    "predict": ("predict", "Predict the rows of a table with a model."),
    "models": ("models", "List, show, delete or export models."),
    "runs": ("runs", "List, show, follow, resume or stop runs."),
    "bridge": ("bridge", "Telegram: the same conversation from a phone."),
    "config": ("config", "Show, check or change the settings."),
    "check": ("check", "Verify everything that tabsmith has saved, and say what can be mended."),
    "clean": ("clean", "Show what takes room, and remove what is no longer needed."),
    "doctor": ("doctor", "Say what is installed, what is reachable, where things live."),
}
"""Each command: the module beside this one that defines it, and its line in the help."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"tabsmith_tui.commands.{_COMMANDS[cmd_name][0]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="tabsmith %(version)s")
@click.pass_context
def tabsmith(context: click.Context) -> int | None:
    """A terminal workbench for tabular models.

    Without a command: the full screen on a terminal; elsewhere a run of the built-in sample to its report.
    """
    if context.invoked_subcommand is not None:
        return None
    if sys.stdin.isatty() and sys.stdout.isatty():
        from tabsmith import config
        from tabsmith_tui.app import run_app

        return run_app(config.load())
    from tabsmith_tui.commands.train import run_sample

    return run_sample()


class FailureDocument(msgspec.Struct, frozen=True):
    """The document that `--json` prints when the command fails."""

    error: ErrorReport


def run(arguments: list[str]) -> int:
    """Run the command line. Returns the exit status; every error becomes words on stderr."""
    try:
        status = tabsmith.main(arguments, prog_name="tabsmith", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of the pipe has closed it
        return 0
    except Exception as error:  # noqa: BLE001 - the edge of the program
        return fail(report_of(error), as_json="--json" in arguments)
    return status if isinstance(status, int) else 0


def fail(report: ErrorReport, *, as_json: bool) -> int:
    """Print an error for people on stderr and, where asked, as JSON on stdout. Returns its exit status."""
    if as_json:
        sys.stdout.write(escaped_json(msgspec.json.encode(FailureDocument(report)).decode()) + "\n")
    sys.stderr.write(clean_block(f"{report.name}: {report}") + "\n")
    if report.next_step.startswith("This is a fault in tabsmith"):
        sys.stderr.write(clean_block(report.details) + "\n")
    return report.exit_code
