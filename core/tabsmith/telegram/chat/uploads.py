"""A file that somebody sent: fetched into their folder under a name of ours, and what it is for."""

import asyncio
import re
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tabsmith import formatting
from tabsmith.errors import TabsmithError, UsageError
from tabsmith.tables.read.sources import FileSource
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.jobs import ChatJobs, job_message
from tabsmith.telegram.chat.perform import give_answers
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.transport.errors import BotApiError, FileTooLargeError, RejectedError
from tabsmith.telegram.transport.updates import FileMessage
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.states import State
from tabsmith.workflow.transitions import default_out

_TRIES: Final = 3
MAX_DOWNLOAD_BYTES: Final = 20_000_000  # that the Bot API gives out
_SAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_ENDINGS: Final = re.compile(r"\.(?:csv|tsv|txt|tab|dat|json|jsonl|ndjson|xlsx|xls|xlsm|ods|parquet|pq|feather|arrow)"
                             r"(?:\.(?:gz|bz2|xz|zst|zip))?\Z", re.IGNORECASE)  # fmt: skip


class FileTooLargeToSendError(UsageError):
    """The file is larger than what can be sent here, or than the setting allows."""


class FileNotFetchedError(TabsmithError):
    """The file that was sent could not be fetched from Telegram."""


async def receive_file(
    office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, file: FileMessage
) -> None:
    """Fetch the file, and use it where the person stands. Raises TabsmithError when it cannot be."""
    most = min(MAX_DOWNLOAD_BYTES, office.settings.paths.max_mb * 1_000_000)
    if file.size > most:
        raise file_too_large(file.size, most)
    path = office.place.uploads(seat.user) / turn.key / plain_name(file.name)
    if not path.exists():  # there already: fetched before a kill
        await _fetch(office, file, path, most)
    await use_file(office, work, turn, office.seat(seat.user) or seat, path)


async def use_file(office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, path: Path) -> None:
    """The file at `path` is what the present step waits for; where none does, the person is asked."""
    if seat.view.kind == "predict":
        predict_with(office, work, turn, seat, str(path))
        return
    session = office.conversation(seat).session
    first = (actions.Begin(), actions.ChooseUpload())
    if turn.again and turn.begun(session.taken):
        await give_answers(office, work, turn, seat, *first, actions.GiveData(str(path)))
        return
    match session.state:
        case State.IDLE | State.COMPLETED:
            answers: tuple[actions.UserAction, ...] = (*first, actions.GiveData(str(path)))
        case State.CHOOSING_DATA_SOURCE:
            answers = (first[1], actions.GiveData(str(path)))
        case State.AWAITING_DATA:
            answers = (actions.GiveData(str(path)),)
        case State.AWAITING_FILE_PATH:
            answers = (actions.GivePath(str(path)),)
        case State.PREDICTING:
            answers = (actions.GiveNewRows(str(path)),)
        case _:
            await show_view(office, turn, office.keep(replace(seat, view=ChatView("upload", str(path)))))
            return
    turn.skip_answers(3 - len(answers))
    await give_answers(office, work, turn, seat, *answers)


async def choose_file_use(
    office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, data: str
) -> None:
    """The person said what the file is for that came where none was asked for."""
    path = seat.view.name if seat.view.kind == "upload" else ""
    if not path or data == "u:leave":
        await show_view(office, turn, office.keep(replace(seat, view=ChatView())))
    elif data == "u:train":
        begins = (actions.Cancel(), actions.Begin(), actions.ChooseUpload(), actions.GiveData(path))
        await give_answers(office, work, turn, seat, *begins)
    else:
        session = office.conversation(seat).session
        if session.state is State.TRAINED or (turn.again and turn.begun(session.taken)):
            await give_answers(office, work, turn, seat, actions.PredictRows(), actions.GiveNewRows(path))
            return
        turn.skip_answers(1)
        await give_answers(office, work, turn, seat, actions.GiveNewRows(path))


def predict_with(office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, path: str) -> None:
    """Predict the rows at `path` with the model that the person looks at. Raises PathError."""
    from tabsmith.tables.read import guard

    paths = office.settings.paths
    guard.check_path(path, allowed=paths.readable, max_mb=paths.max_mb)
    source = str(guard.normalize_path(path))
    effect = do.PredictFile(seat.view.name, FileSource(source), default_out(source))
    office.say(turn, seat, job_message(effect))
    work.begin_prediction(turn, office.keep(replace(seat, view=ChatView())), effect)


async def _fetch(office: BridgeContext, file: FileMessage, path: Path, most: int) -> None:
    """The file, tried three times. Raises FileTooLargeToSendError, FileNotFetchedError."""
    for attempt in range(_TRIES):
        try:
            await office.api.download(file.file_id, path, most)
        except FileTooLargeError as error:
            raise file_too_large(file.size, most) from error
        except BotApiError as error:
            if isinstance(error, RejectedError) or attempt == _TRIES - 1:
                raise FileNotFetchedError(
                    f"The file could not be fetched: {error}.", next_step="Send it again, or its path on the machine."
                ) from error
            await asyncio.sleep(2.0**attempt)
        else:
            return


def plain_name(name: str) -> str:
    """The name a file gets here: letters and digits of what the sender called it, and an ending that is known."""
    ending = _ENDINGS.search(name)
    stem = name[: ending.start()] if ending else name
    return f"{_SAFE.sub('-', stem).strip('-')[:60] or 'table'}{ending[0].lower() if ending else '.csv'}"


def file_too_large(size: int, most: int) -> FileTooLargeToSendError:
    """The error for a file over the limit."""
    told = f"{formatting.size(size)}; " if size > most else ""
    return FileTooLargeToSendError(
        f"The file is too large to be sent here: {told}{formatting.size(most)} are the most.",
        next_step="Put it on the machine, and send its path; or compress it (.csv.gz, .parquet).",
    )
