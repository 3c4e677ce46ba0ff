"""Work beside the screen, on the app's own event loop; it ends with the screen or the app that began it."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker, WorkType


def begin(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, alone: bool = False
) -> Worker[None]:
    """Begin `work` for `node`; `alone` ends what is under way in the same group.

    It takes the function, not its coroutine: one that is ended before it began leaves nothing behind unawaited.
    """
    task: WorkType[None] = work
    return node.run_worker(task, group=group, exclusive=alone)
