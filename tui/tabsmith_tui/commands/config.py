"""`tabsmith config`: show, check and change the settings; list the breakpoints."""

import getpass
import sys
from typing import Final

import click
import msgspec

from tabsmith import config as settings
from tabsmith.conditions import BUILT_IN, VARIABLES, BuiltInCondition, Variable
from tabsmith.errors import WRONG_USE, UsageError
from tabsmith.paths import folders
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, say

FROM_STDIN: Final = "-"


class BreakpointsDocument(msgspec.Struct, frozen=True):
    """The document of `config breakpoints --json`."""

    built_in: tuple[BuiltInCondition, ...]
    names: tuple[Variable, ...]


@click.group(invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """Show, check or change the settings."""
    if context.invoked_subcommand is None:
        _show(as_json=False)


@config.command()
def path() -> None:
    """Say where the settings file is."""
    print_text(str(folders().settings_file))


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Show every setting, its value and its source."""
    _show(as_json=as_json)


@config.command("set")
@click.argument("key")
@click.argument("value")
def set_(key: str, value: str) -> None:
    """Set KEY to VALUE in the settings file; an empty VALUE goes back to the default.

    With - as VALUE it is asked for without being shown, or read from a pipe: for a token.
    """
    from tabsmith.config.keys import all_keys
    from tabsmith.config.loading import set_value

    setting = all_keys().get(key)
    done = set_value(key, _value_from_stdin(key) if value == FROM_STDIN else value)
    say(
        f"{done.key} = {done.value}" + (" (the environment overrides the file)" if done.source == "environment" else "")
    )
    if setting is not None and setting.secret and value not in ("", FROM_STDIN):
        say(
            f"It is now in the history of your shell, and was visible in `ps`. Better: tabsmith config set {key} {FROM_STDIN}"
        )


@config.command()
def check() -> int:
    """Check the settings file and the environment."""
    problems = settings.check()
    for problem in problems:
        say(f"{problem.what} {problem.where} {problem.next_step}")
    if not problems:
        say("The settings are in order.")
    return WRONG_USE if problems else 0


@config.command()
@json_option
def breakpoints(as_json: bool) -> None:
    """List the built-in conditions, and the names for your own."""
    if as_json:
        print_json(BreakpointsDocument(tuple(BUILT_IN.values()), tuple(VARIABLES.values())))
        return
    rows = [[condition.name, condition.expression, condition.meaning] for condition in BUILT_IN.values()]
    print_table(["breakpoint", "condition", "meaning"], rows, widest=80)
    print_text()
    print_table(
        ["name", "is", "meaning"],
        [[variable.name, variable.kind, variable.description] for variable in VARIABLES.values()],
        80,
    )
    print_text()
    print_text("A condition of your own: quality < 0.5 and iteration > 3. It takes and, or, not, + - * / ( ).")
    print_text("To try one on a run: tabsmith runs try RUN 'quality < 0.5'")


def _value_from_stdin(key: str) -> str:
    """Read a value: typed unseen on a terminal, else all of stdin."""
    try:
        value = getpass.getpass(f"{key} (it is not shown): ") if sys.stdin.isatty() else sys.stdin.read()
    except EOFError:  # ctrl+d
        value = ""
    if not value.strip():
        # An empty value would reset the setting; a broken pipe must not do that.
        raise UsageError(
            "Nothing was given.", where="stdin", next_step=f"To go back to the default: tabsmith config set {key} ''"
        )
    return value


def _show(*, as_json: bool) -> None:
    described = settings.describe()
    if as_json:
        print_json(described)
    else:
        print_table(
            ["setting", "value", "from", "meaning"],
            [[setting.key, setting.value, setting.source, setting.description] for setting in described],
            widest=70,
        )
