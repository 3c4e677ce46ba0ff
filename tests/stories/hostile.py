"""Names that mean harm: markup, links, escape sequences, controls, marks that turn text round, and sheer length."""

LONG = "L" * 100_000
HOSTILE: tuple[str, ...] = (
    "[/nope]",
    "[@click=app.quit]x[/]",
    "[bold red]loud[/bold red]",
    "\x1b]52;c;UFdORUQ=\x07clip",
    "\x1b]0;PWNED\x07title",
    "\x1b[31;7;5mblink\x1b[2J\x1b[H",
    "\x9b31mC1\x9d0;PWNED\x9c",
    "\x1bPq#PWNED\x1b\\dcs",
    "\u202egnp.exe\u2066\u200f",
    "bell\x07nul\x00del\x7fback\x08\x08\r\rover",
    "two\nlines\tand a tab",
    "z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308" * 20,
    "[" * 500,
    LONG,
)
MARKS: tuple[bytes, ...] = (
    b"\x1b]52",
    b"\x1b]0;",
    b"\x1b[31;7;5m",
    b"\xc2\x9b",
    b"\xc2\x9d",
    b"\x1bPq",
    b"\xe2\x80\xae",
)
"""Bytes that are on the terminal only when a hostile name got through."""
