"""The edge of the command line: where every error becomes words on stderr and an exit status."""

import os
import sys

import click
import msgspec

from tabsmith.errors import INTERRUPTED, ErrorReport, report_of
from tabsmith.text import clean_block
from tabsmith_tui.commands.root import tabsmith


class FailureDocument(msgspec.Struct, frozen=True):
    """What `--json` prints when the work could not be done."""

    error: ErrorReport


def run(arguments: list[str]) -> int:
    """Run the command line with `arguments`; returns the exit status."""
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has seen enough
        return 0
    except Exception as error:  # noqa: BLE001 - the edge of the program
        return _fail(report_of(error), as_json="--json" in arguments)
    return status if isinstance(status, int) else 0


def _fail(report: ErrorReport, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(msgspec.json.encode(FailureDocument(report)).decode() + "\n")
    sys.stderr.write(clean_block(f"{report.name}: {report}") + "\n")
    if report.next_step.startswith("This is a fault in tabsmith"):
        sys.stderr.write(clean_block(report.details) + "\n")
    return report.exit_code
