"""The bridge as a process of its own: `python -m tabsmith.telegram`, without an argument; all is in the settings."""

import logging
import sys
import time
from typing import TYPE_CHECKING

from tabsmith import config
from tabsmith.errors import INTERRUPTED, StorageError, TabsmithError, report_of
from tabsmith.telegram.bot_token import BotToken, bot_token, log_to_stderr
from tabsmith.telegram.service import require_telegram_extra
from tabsmith.text import clean_block

if TYPE_CHECKING:
    from tabsmith.telegram.bridge import BridgeTiming


def main(timing: "BridgeTiming | None" = None) -> int:
    """Run the bridge until it is told to end; returns the exit status. Errors go to stderr, without the token."""
    token: BotToken | None = None
    try:
        settings = config.load()
        token = bot_token(settings)
        require_telegram_extra()
        log_to_stderr(token)
        from tabsmith.telegram.bridge import BridgeTiming, run
        from tabsmith.upkeep.clean import clean_when_due

        try:
            clean_when_due(settings.keep, time.time())
        except StorageError as error:
            logging.getLogger(__name__).warning("nothing more was cleaned up: %s", error.what)
        return run(settings, timing or BridgeTiming())
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the program
        report = report_of(error)
        text = f"{report.name}: {report}" if isinstance(error, TabsmithError) else f"{report}\n{report.details}"
        sys.stderr.write(clean_block(token.hide(text) if token else text) + "\n")
        return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
