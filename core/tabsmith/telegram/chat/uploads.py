"""Files that people send: fetched into the person's folder under a safe name, and used at the current step."""

import asyncio
import re
from pathlib import Path
from typing import Final

from tabsmith import formatting
from tabsmith.errors import TabsmithError, UsageError
from tabsmith.runs.jobs import Predict
from tabsmith.tables.read.sources import FileSource
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.jobs import job_message
from tabsmith.telegram.chat.perform import give_answers
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.transport.updates import BotApiError, FileMessage, RejectedError, TelegramFileTooLargeError
from tabsmith.workflow import actions
from tabsmith.workflow.states import State
from tabsmith.workflow.transitions import default_out

MAX_DOWNLOAD_BYTES: Final = 20_000_000  # the Bot API gives out no larger file
_ATTEMPTS: Final = 3
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIXES: Final = re.compile(r"\.(?:csv|tsv|txt|tab|dat|json|jsonl|ndjson|xlsx|xls|xlsm|ods|parquet|pq|feather|arrow)"
                              r"(?:\.(?:gz|bz2|xz|zst|zip))?\Z", re.IGNORECASE)  # fmt: skip


class FileTooLargeToSendError(UsageError):
    """The file is larger than Telegram lets bots fetch, or than the setting allows."""


class FileNotFetchedError(TabsmithError):
    """The file could not be fetched from Telegram."""


async def receive_file(context: UpdateContext, file: FileMessage) -> None:
    """Fetch the file and use it at the current step. Raises TabsmithError when it cannot be used."""
    max_bytes = min(MAX_DOWNLOAD_BYTES, context.bridge.settings.paths.max_mb * 1_000_000)
    if file.size > max_bytes:
        raise file_too_large(file.size, max_bytes)
    path = context.bridge.paths.uploads(context.user) / context.key / safe_name(file.name)
    if not path.exists():  # it exists if it was fetched before a kill
        await _fetch(context.bridge, file, path, max_bytes)
    await use_file(context, path)


async def use_file(context: UpdateContext, path: Path) -> None:
    """Answer the current step with the file at `path`; ask the person what it is if the step takes no file."""
    if context.chat.view.kind in ("predict", "predict_missing"):
        predict_with_listed_model(context, str(path))
        return
    session = context.conversation().session
    begin, choose, give = actions.Begin(), actions.ChooseUpload(), actions.GiveData(str(path))
    if context.repeated and context.has_answered(session.taken):
        await give_answers(context, begin, choose, give)
        return
    answers: tuple[actions.UserAction, ...]
    match session.state:
        case State.IDLE | State.COMPLETED:
            answers = (begin, choose, give)
        case State.CHOOSING_DATA_SOURCE:
            answers = (choose, give)
        case State.AWAITING_DATA:
            answers = (give,)
        case State.AWAITING_FILE_PATH:
            answers = (actions.GivePath(str(path)),)
        case State.PREDICTING:
            answers = (actions.GiveNewRows(str(path)),)
        case _:
            await show_view(context, ChatView("upload", str(path)))
            return
    context.skip_answer_keys(3 - len(answers))
    await give_answers(context, *answers)


async def choose_file_use(context: UpdateContext, data: str) -> None:
    """Use a file that came unasked as the pressed button says."""
    path = context.chat.view.name if context.chat.view.kind == "upload" else ""
    if not path or data == "u:leave":
        await show_view(context, ChatView())
    elif data == "u:train":
        await give_answers(context, actions.Cancel(), actions.Begin(), actions.ChooseUpload(), actions.GiveData(path))
    else:
        session = context.conversation().session
        if session.state is State.TRAINED or (context.repeated and context.has_answered(session.taken)):
            await give_answers(context, actions.PredictRows(), actions.GiveNewRows(path))
            return
        context.skip_answer_keys(1)
        await give_answers(context, actions.GiveNewRows(path))


def predict_with_listed_model(context: UpdateContext, path: str) -> None:
    """Start predicting the rows at `path` with the model that the person looks at. Raises PathError."""
    from tabsmith.tables.read import guard

    paths = context.bridge.settings.paths
    guard.check_path(path, allowed=paths.readable_by(str(context.user)), max_mb=paths.max_mb)
    source = str(guard.normalize_path(path))
    allow_missing = context.chat.view.kind == "predict_missing"
    effect = Predict(context.chat.view.name, FileSource(source, asked_by="bridge"), default_out(source), allow_missing)
    context.send(job_message(effect))
    context.set_view(ChatView())
    context.bridge.jobs.start_prediction(context, effect)


async def _fetch(bridge: BridgeContext, file: FileMessage, path: Path, max_bytes: int) -> None:
    """Fetch the file in at most three attempts. Raises FileTooLargeToSendError and FileNotFetchedError."""
    for attempt in range(_ATTEMPTS):
        try:
            await bridge.api.download(file.file_id, path, max_bytes)
        except TelegramFileTooLargeError as error:
            raise file_too_large(file.size, max_bytes) from error
        except BotApiError as error:
            if isinstance(error, RejectedError) or attempt == _ATTEMPTS - 1:
                raise FileNotFetchedError(
                    f"The file could not be fetched: {error}.", next_step="Send it again, or its path on the machine."
                ) from error
            await asyncio.sleep(2.0**attempt)
        else:
            return


def safe_name(name: str) -> str:
    """The file name under which an upload is saved: letters and digits of the sender's name, and a known suffix."""
    suffix = _SUFFIXES.search(name)
    stem = name[: suffix.start()] if suffix else name
    return f"{_UNSAFE.sub('-', stem).strip('-')[:60] or 'table'}{suffix[0].lower() if suffix else '.csv'}"


def file_too_large(size: int, max_bytes: int) -> FileTooLargeToSendError:
    """The error for a file of more than `max_bytes`; `size` is what the sender said, which may be wrong."""
    claimed = f"{formatting.size(size)}; " if size > max_bytes else ""
    return FileTooLargeToSendError(
        f"The file is too large to be sent here: {claimed}{formatting.size(max_bytes)} are the most.",
        next_step="Put it on the machine, and send its path; or compress it (.csv.gz, .parquet).",
    )
