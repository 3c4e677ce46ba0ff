"""Who may use a tool: what a coding agent asks for beyond its rights, decided by the mode or by a person."""

from collections.abc import Callable
from typing import Literal

from tabsmith.agents.agent_jobs import PermissionAnswer, PermissionRequest
from tabsmith.orchestration.human.review import HumanReview
from tabsmith.orchestration.questions import AllowTool
from tabsmith.orchestration.task_events import PermissionDecided
from tabsmith.text import clean


class ToolPermissions:
    """Answers permission requests.

    In automatic mode nobody is asked: a command is allowed where its sandbox has walls, anything else where it does
    not reach outside of the folder.
    """

    def __init__(
        self, review: HumanReview, record: Callable[[PermissionDecided], None], *, sandbox_has_walls: bool
    ) -> None:
        self._review = review
        self._record = record
        self._sandbox_has_walls = sandbox_has_walls

    async def answer(self, iteration: int, request: PermissionRequest) -> PermissionAnswer:
        """Return the answer, once it is recorded."""
        allowed, by = await self._decide(iteration, request)
        self._record(
            PermissionDecided(
                iteration=iteration,
                tool=clean(request.tool, 60),
                what=clean(request.what, 300),
                risk=request.risk,
                allowed=allowed,
                by=by,
            )
        )
        return allowed

    async def _decide(
        self, iteration: int, request: PermissionRequest
    ) -> tuple[PermissionAnswer, Literal["person", "mode"]]:
        mode, risk = self._review.mode, request.risk
        if mode == "automatic":
            bounded = request.use == "run" and self._sandbox_has_walls
            return ("once" if bounded or risk != "high" else "no"), "mode"
        if mode == "confirm" and risk == "low":
            return "once", "mode"
        what = f"{clean(request.tool, 40)}: {clean(request.what, 200)}"
        reply = await self._review.ask(iteration, "permission", what, details=f"risk {risk}")
        return (reply.allowed if isinstance(reply, AllowTool) else "no"), "person"
