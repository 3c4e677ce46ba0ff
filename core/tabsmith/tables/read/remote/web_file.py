"""Files on the web: fetched into a scratch folder, within the size limit, if the setting `paths.remote` allows it."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tabsmith import config
from tabsmith.errors import PathOutsideError, ReadError, UnsupportedFormatError
from tabsmith.tables.read.formats.base import Progress
from tabsmith.tables.read.opened_file import require_unpacked_size
from tabsmith.tables.read.remote.addresses import full_url, without_secrets
from tabsmith.text import clean
from tabsmith.version import __version__

_PATIENCE: Final = 30.0  # seconds without an answer
_CHUNK: Final = 1 << 20


def fetch(url: str, folder: Path, max_mb: float, progress: Progress) -> Path:
    """Fetch the file at `url` into `folder`; returns its path there.

    Raises PathOutsideError if the setting `paths.remote` does not allow it, FileTooLargeError over `max_mb`, and
    ReadError if the server does not give the file.
    """
    if not config.load().paths.remote:
        raise PathOutsideError(
            "Files on the web are read only if you allow it.",
            where=url,
            next_step="Allow it with: tabsmith config set paths.remote true",
        )
    if urlsplit(url).scheme.lower() == "s3":
        raise UnsupportedFormatError(
            "Addresses of s3 are not read.", where=url, next_step="Copy the file here, or give its https address."
        )
    path = folder / (clean(unquote(urlsplit(url).path).rpartition("/")[2], 100).strip(".") or "table")
    secret_url = full_url(url)
    try:
        _fetch(secret_url, path, max_mb, url, progress)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        # Without its cause, whose text may hold the address with the password.
        raise ReadError(
            f"The server does not give the file: {clean(without_secrets(str(reason), secret_url), 200)}.",
            where=url,
            next_step="Check the address, or fetch the file yourself.",
        ) from None
    return path


def _fetch(secret_url: str, path: Path, max_mb: float, url: str, progress: Progress) -> None:
    parts = urlsplit(secret_url)
    request = urllib.request.Request(  # noqa: S310 - http and https alone have a handler below
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        headers={"User-Agent": f"tabsmith/{__version__}"},
    )
    if parts.username is not None:
        import base64

        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(words.encode()).decode())
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    total = 0
    with opener.open(request, timeout=_PATIENCE) as answer, path.open("wb") as file:
        size = int(answer.headers.get("Content-Length") or 0)
        while piece := answer.read(_CHUNK):
            total += len(piece)
            require_unpacked_size(total, max_mb, url)
            file.write(piece)
            progress(0.2 * total / size if size else -1.0, "fetching")
    if size and total < size:
        raise ValueError(f"it ended after {total:,} of {size:,} bytes")
