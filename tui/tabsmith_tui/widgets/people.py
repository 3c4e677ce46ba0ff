"""The people at the bridge as a list to move in: its cursor chooses who gets a test message."""

from collections.abc import Sequence

from tabsmith.telegram.activity import Visitor
from tabsmith_tui.views import bridge as view
from tabsmith_tui.widgets.literal import literal
from tabsmith_tui.widgets.menu import Group, Item, Menu


class People(Menu):
    """Who talks to the bridge, or may."""

    HELP = "People who wrote to the bot, and those on the list who have not yet. m sends a test message to one of them."

    def show(self, people: Sequence[Visitor], now: float) -> None:
        """Show these; the cursor stays on its person."""
        self.put([Group("", tuple(_person(each, now) for each in people), grow=3)])


def _person(visitor: Visitor, now: float) -> Item:
    return Item(
        str(visitor.user),
        (
            literal(visitor.name or visitor.user, 40),
            literal(visitor.user if visitor.name else "", 24, "$quiet"),
            literal(view.seen(visitor, now), 30, "$quiet"),
            literal(view.where(visitor), 60, "" if visitor.may == "allowed" else "$warn"),
        ),
    )
