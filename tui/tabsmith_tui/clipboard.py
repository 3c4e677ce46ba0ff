"""Copying: by the system's own program, or through the terminal (OSC 52), or into a file; and which it was."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.app import App

from tabsmith.paths import folders

_OSC52_LIMIT = 74_000  # bytes before base64; longer ones are dropped by terminals without a word
_SECONDS = 2.0


async def copy_and_tell(text: str, app: App[Any], what: str = "") -> None:
    """Copy `text`, and notify the person where it went, or why it could not be copied. `what` says what it is."""
    try:
        app.notify(f"{what} {await copy(text, app)}".strip())
    except OSError as error:
        app.notify(f"Could not copy: {error}", severity="error")


async def copy(text: str, app: App[Any], environ: Mapping[str, str] = os.environ) -> str:
    """Copy `text`, and return in a sentence where it went. Tries each way until one works; a file always does, or raises
    OSError."""
    for command in _programs(environ):
        if await _by_program(command, text):
            return f"Copied to the system clipboard (by {Path(command[0]).name})."
    if len(text.encode()) <= _OSC52_LIMIT and environ.get("TERM", "") not in ("", "dumb", "linux"):
        app.copy_to_clipboard(text)
        return "Copied through the terminal (OSC 52); if it does not arrive, your terminal does not allow that."
    path = folders().state / "copied.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return f"No clipboard can be reached, so it is in the file {path}."


def _programs(environ: Mapping[str, str]) -> list[list[str]]:
    """The clipboard programs that can work here: they need a display, and must be installed."""
    commands: list[list[str]] = []
    if sys.platform == "darwin":
        commands.append(["pbcopy"])
    if environ.get("WAYLAND_DISPLAY"):
        commands.append(["wl-copy"])
    if environ.get("DISPLAY"):
        commands += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    programs = [(shutil.which(command[0], path=environ.get("PATH")), command) for command in commands]
    return [[program, *command[1:]] for program, command in programs if program]


async def _by_program(command: list[str], text: str) -> bool:
    # xclip stays alive to serve the selection, and would keep a pipe open: its output goes nowhere.
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), _SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0
