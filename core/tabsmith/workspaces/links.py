"""Where links lead: inside their folder, or out of it. Worked out on the tree alone, without following one on disk."""

from collections.abc import Collection, Mapping
from typing import Final

from tabsmith.workspaces.entries import Entry

_MOST: Final = 40  # links in a chain, as the kernel has it


def leads_out(path: str, entries: Mapping[str, Entry], closed: Collection[str] = ()) -> bool:
    """Whether the link at `path` can lead to anything outside of the folder; an absolute link does, wherever it goes,
    and so does a circle, and one through the `closed` paths, of which the tree does not know what they hold."""
    place = path.split("/")[:-1]
    todo = _parts(entries[path].target)
    if todo is None:
        return True
    followed = 1
    while todo:
        part = todo.pop()
        if part == "..":
            if not place:
                return True
            place.pop()
            continue
        place.append(part)
        here = "/".join(place)
        if here in closed:
            return True
        met = entries.get(here)
        if met is None or met.kind != "link":
            continue
        followed += 1
        more = _parts(met.target)
        if more is None or followed > _MOST:
            return True
        place.pop()
        todo += more
    return False


def _parts(target: str) -> list[str] | None:
    """The names of a relative target, the last one first; None for an absolute one."""
    if target.startswith("/"):
        return None
    return [part for part in reversed(target.split("/")) if part not in ("", ".")]
