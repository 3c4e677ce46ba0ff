"""Addresses of databases without their passwords, which are kept in the memory of this process and nowhere else.

A source, a session, a journal, a log or a message holds the address without its password. The connection takes the
password from where it was typed in this process, or from the environment: `TABSMITH_DATABASE_PASSWORD`, a variable that
the address names in the password's place (`postgresql://ann:$PGPASSWORD@host/db`), or what the database's own driver looks
for (`PGPASSWORD`, `~/.pgpass`).
"""

import os
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

PASSWORD_VARIABLE: Final = "TABSMITH_DATABASE_PASSWORD"  # noqa: S105 - the name of a variable

_NAMED_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_SECRET_PARAMETER: Final = re.compile(r".*(password|passwd|pwd|secret|token|odbc_connect).*", re.IGNORECASE)

_typed: dict[str, str] = {}  # addresses with their passwords, by the address without


def keep_password(url: str) -> str:
    """`url` without its password, which is kept for `full_url`. A variable in the password's place is no secret."""
    without = without_password(url)
    if without != url:
        _typed[without] = url
    return without


def without_password(url: str) -> str:
    """`url` without the password of its user and without parameters that hold secrets."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    if colon and not _NAMED_VARIABLE.fullmatch(unquote(password)):
        parts = parts._replace(netloc=f"{name}{at}{host}")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if any(_SECRET_PARAMETER.fullmatch(name) for name, _ in pairs):
        parts = parts._replace(query=urlencode([pair for pair in pairs if not _SECRET_PARAMETER.fullmatch(pair[0])]))
    return _address(parts)


def typed_address(text: str) -> str:
    """What may be saved of an address while it is typed: nothing that may be the beginning of a password."""
    scheme, mark, rest = text.partition("://")
    if not mark or "@" in rest:
        return without_password(text)
    return scheme + mark + rest.partition(":")[0].partition("?")[0]


def full_url(url: str) -> str:
    """The address to connect to: `url` with the password that was typed, or that the environment holds."""
    if url in _typed:
        return _typed[url]
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    named = _NAMED_VARIABLE.fullmatch(unquote(password)) if colon else None
    known = os.environ.get(named[1] if named else PASSWORD_VARIABLE)
    if known is None or not at:
        return url
    return _address(parts._replace(netloc=f"{name}:{quote(known, safe='')}{at}{host}"))


def typed_addresses() -> tuple[str, ...]:
    """The addresses with a password that were typed in this process: for a process that works for this one."""
    return tuple(_typed.values())


def without_secrets(text: str, url: str) -> str:
    """`text`, a message of a driver, without the secrets of the address `url`, however the driver wrote them."""
    parts = urlsplit(url)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    values = [value for name, value in parse_qsl(parts.query) if _SECRET_PARAMETER.fullmatch(name)]
    secrets = {secret for value in (password, *values) for secret in (value, unquote(value), quote(value, safe=""))}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _address(parts: SplitResult) -> str:
    """The address of `parts`. Not with urlunsplit, which takes away the slashes of an empty host."""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"
