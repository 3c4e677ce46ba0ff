"""The themes: dark, light, and one in the terminal's own sixteen colours. Five words of meaning: see `MEANINGS`."""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

MEANINGS: Final = ("good", "warn", "bad", "quiet", "accent")
"""The variables that stand for a meaning: `$good`, `$warn`, `$bad`, `$quiet` (less important), `$accent`."""


def _meaning(good: str, warn: str, bad: str, quiet: str) -> dict[str, str]:
    return {"good": good, "warn": warn, "bad": bad, "quiet": quiet, "input-cursor-text-style": "none"}


def _cursor(ground: str, text: str, blurred: str) -> dict[str, str]:
    """The line under the cursor: calm enough that coloured words on it stay readable."""
    return {
        "block-cursor-background": ground,
        "block-cursor-foreground": text,
        "block-cursor-blurred-background": blurred,
        "block-cursor-text-style": "bold",
    }


def _scrollbar(bar: str, ground: str) -> dict[str, str]:
    grounds = dict.fromkeys(
        ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active", "scrollbar-corner-color"),
        ground,
    )
    return {"scrollbar": bar, "scrollbar-hover": bar, "scrollbar-active": bar, **grounds}


DARK: Final = Theme(
    name="tabsmith-dark",
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#d7af5f",
    warning="#d7af5f",
    error="#e06c75",
    success="#87c38a",
    foreground="#d8dce2",
    background="#15181c",
    surface="#1b1f24",
    panel="#252a31",
    dark=True,
    variables={
        **_meaning("#87c38a", "#e0b35a", "#e8787f", "#8b949e"),
        **_cursor("#2c3b4a", "#f2f5f8", "#232a32"),
        "input-cursor-background": "#d8dce2",
        "input-cursor-foreground": "#15181c",
        **_scrollbar("#3a424c", "#15181c"),
        "border": "#3a424c",
        "border-blurred": "#3a424c",
        "footer-key-foreground": "#d7af5f",
        "footer-background": "#1b1f24",
        "footer-description-foreground": "#a9b1bb",
    },
)
LIGHT: Final = Theme(
    name="tabsmith-light",
    primary="#1f6f9f",
    secondary="#3f6f6f",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3262f",
    success="#1f7a34",
    foreground="#1d2228",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e7e4dc",
    dark=False,
    variables={
        **_meaning("#1f7a34", "#8a5a00", "#b3262f", "#626a73"),
        **_cursor("#cfe0ea", "#12171c", "#e4e6e2"),
        "input-cursor-background": "#1d2228",
        "input-cursor-foreground": "#fbfaf7",
        **_scrollbar("#c5c0b4", "#fbfaf7"),
        "border": "#c5c0b4",
        "border-blurred": "#c5c0b4",
        "footer-key-foreground": "#8a5a00",
        "footer-background": "#f3f1ec",
        "footer-description-foreground": "#4a525b",
    },
)
ANSI: Final = Theme(
    name="tabsmith-ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    luminosity_spread=0.0,
    text_alpha=1.0,
    variables={
        **_meaning("ansi_green", "ansi_yellow", "ansi_red", "ansi_bright_black"),
        **_scrollbar("ansi_bright_black", "ansi_default"),
        "input-cursor-text-style": "none",
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "border": "ansi_bright_black",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "block-cursor-text-style": "bold",
        "input-cursor-background": "ansi_black",
        "input-cursor-foreground": "ansi_bright_white",
        "input-selection-background": "ansi_bright_blue",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_bright_blue",
        "screen-selection-foreground": "ansi_black",
        "footer-key-foreground": "ansi_cyan",
    },
)
THEMES: Final = (DARK, LIGHT, ANSI)


def theme_name(wanted: str, environ: Mapping[str, str]) -> str:
    """The theme to use for the setting `wanted` ("dark", "light", "ansi", or a theme's whole name).

    With NO_COLOR set it is always the ANSI theme: Textual takes all colour out of that one only, the others turn grey.
    """
    if "NO_COLOR" in environ:
        return ANSI.name
    names = {theme.name for theme in THEMES}
    whole = wanted if wanted in names else f"tabsmith-{wanted}"
    return whole if whole in names else DARK.name
