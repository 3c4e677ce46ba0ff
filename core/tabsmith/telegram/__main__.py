"""The bridge as a process of its own: `python -m tabsmith.telegram`, without an argument; all is in the settings."""

import sys

from tabsmith import config
from tabsmith.errors import INTERRUPTED, TabsmithError, report_of
from tabsmith.telegram.log import log_to_stderr
from tabsmith.telegram.service import require_extra
from tabsmith.telegram.token import Token, token_of
from tabsmith.text import clean_block


def main() -> int:
    """Run the bridge until it is told to end; returns the exit status. Errors are told on stderr, without the token."""
    token: Token | None = None
    try:
        settings = config.load()
        token = token_of(settings)
        require_extra()
        log_to_stderr(token)
        from tabsmith.telegram.bridge import run

        return run(settings)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the program
        report = report_of(error)
        words = f"{report.name}: {report}" if isinstance(error, TabsmithError) else f"{report}\n{report.details}"
        sys.stderr.write(clean_block(token.hide(words) if token else words) + "\n")
        return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
