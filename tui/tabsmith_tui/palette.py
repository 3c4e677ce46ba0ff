"""The command palette: every action of the registry that can be done where the person is."""

from collections.abc import Iterator
from functools import partial

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tabsmith_tui.actions import ACTIONS


class ActionCommands(Provider):
    """Finds actions by label, help or id; shows their keys."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for label, text, help_text, active in self._actions():
            yield DiscoveryHit(label, partial(self._do, active), text=text, help=help_text)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for label, text, help_text, active in self._actions():
            score = max(matcher.match(text), 0.6 * matcher.match(help_text))
            if score > 0:
                yield Hit(score, label, partial(self._do, active), text=text, help=help_text)

    async def _do(self, active: ActiveBinding) -> None:
        await self.app.run_action(active.binding.action, default_namespace=active.node)

    def _actions(self) -> Iterator[tuple[Content, str, str, ActiveBinding]]:
        seen: set[str] = {"app.palette"}
        for active in self.screen.active_bindings.values():
            name = active.binding.id or ""
            if name in seen or name not in ACTIONS or not active.enabled:
                continue
            seen.add(name)
            action = ACTIONS[name]
            label = Content.assemble(action.label, (f"   {self.app.get_key_display(active.binding)}", "$quiet"))
            yield label, f"{action.label} {action.id}", action.help, active
