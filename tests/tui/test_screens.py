"""The registry of screens, and the style sheets of the screens."""

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

from textual.screen import Screen

from tabsmith_tui import screens
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens import ScreenName
from tabsmith_tui.screens.base import STYLES


def screen_classes() -> set[str]:
    modules = [import_module(f"{screens.__name__}.{module.name}") for module in iter_modules(screens.__path__)]
    return {
        name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Screen) and value.__module__ == module.__name__
    }


def test_every_screen_name_is_in_the_registry() -> None:
    assert set(TabsmithApp.SCREENS) == set(get_args(ScreenName))


def test_no_rule_of_a_screen_reaches_another_screen() -> None:
    """Textual keeps the sheet of a screen loaded when the screen is closed."""
    names = screen_classes()
    for sheet in STYLES.glob("*.tcss"):
        if sheet.name == "app.tcss":
            continue
        for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", sheet.read_text(encoding="utf-8")):
            for selector in selectors.split(","):
                first = re.match(r"\s*(\w+)", selector)
                assert first, f"{sheet.name}: {selector.strip()} names no screen"
                assert first[1] in names, f"{sheet.name}: {selector.strip()} begins with no screen"
