"""The changes between two states of a folder, each with its kind and line counts, and as a unified diff."""

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.text import clean_block, plural
from tabsmith.workspaces.line_diff import count_lines, diff_lines, unified_diff
from tabsmith.workspaces.tree import FolderTree, TreeEntry, safe_path

ChangeKind: TypeAlias = Literal["added", "removed", "modified", "renamed", "mode", "link"]
ContentReader: TypeAlias = Callable[[str, TreeEntry], bytes | None]
"""Returns the bytes of a file by its path and entry; None if they are not kept or too large."""

MAX_TEXT_BYTES: Final = 1_000_000  # of a text that is compared line by line
_LINE_CHARACTERS: Final = 500
_PROBED_BYTES: Final = 8_000  # a null byte in these makes a file binary, as in git
_GONE: Final = TreeEntry("file", 0)


class FileChange(msgspec.Struct, frozen=True):
    """One path that changed; `was` is the old path of a renamed file. Lines are counted only in texts: a `binary` file is
    not a text or too large to count."""

    path: str
    kind: ChangeKind
    lines_added: int = 0
    lines_removed: int = 0
    binary: bool = False
    was: str = ""


def find_changes(before: FolderTree, after: FolderTree, content: ContentReader) -> tuple[FileChange, ...]:
    """Return the changes from one tree to the other, by path. Of folders only empty ones and permissions are listed."""
    renamed = _renamed(before, after)
    moved = set(renamed.values())
    filled = {path.rpartition("/")[0] for tree in (before, after) for path in tree.entries}
    changed: list[FileChange] = []
    for path in sorted((before.entries.keys() | after.entries.keys()) - moved):
        old, new = before.entries.get(path), after.entries.get(path)
        if path in renamed:
            changed.append(FileChange(path, "renamed", was=renamed[path]))
            continue
        kind = _kind(old, new)
        came_or_went = old is None or new is None
        if kind is None or (came_or_went and path in filled and (old or new or _GONE).kind == "folder"):
            continue  # a folder that came or went along with its contents
        changed.append(_counted(path, kind, old, new, content))
    return tuple(changed)


def diff_text(before: FolderTree, after: FolderTree, content: ContentReader, limit: int = 100_000) -> str:
    """Return the changes as a unified diff of about `limit` characters at most, safe to show. Changes of binary files,
    links and permissions are named, not shown."""
    parts: list[str] = []
    size = 0
    listed = find_changes(before, after, content)
    for number, change in enumerate(listed):
        for line in _diff_lines(change, before, after, content):
            parts.append(clean_block(line.replace("\r", "␍"), _LINE_CHARACTERS))
            size += len(parts[-1]) + 1
            if size > limit:
                rest = len(listed) - number - 1
                parts.append("… the rest is not shown" + (f", nor {plural(rest, 'more file')}" if rest else ""))
                return "\n".join(parts) + "\n"
    return "\n".join(parts) + "\n" if parts else ""


def _diff_lines(change: FileChange, before: FolderTree, after: FolderTree, content: ContentReader) -> Iterator[str]:
    path, was = safe_path(change.path), safe_path(change.was or change.path)
    old, new = before.entries.get(change.was or change.path), after.entries.get(change.path)
    if change.kind == "renamed":
        yield f"renamed {was} to {path}"
        return
    if change.kind == "link" and new is not None:
        yield f"link {path} to {safe_path(new.target)}"
        return
    if change.kind == "mode" or (old is not None and new is not None and old.mode != new.mode):
        yield f"permissions of {path} from {old.mode if old else 0:03o} to {new.mode if new else 0:03o}"
    if change.kind == "mode":
        return
    files = [entry for entry in (old, new) if entry is not None and entry.kind == "file"]
    if change.binary or not files:
        yield f"{change.kind} {path}, {'a binary or very large file' if files else f'a {(old or new or _GONE).kind}'}"
        return
    old_lines, new_lines = _lines(change.path, old, content) or [], _lines(change.path, new, content) or []
    yield f"--- {was}" if old in files else "--- (none)"
    yield f"+++ {path}" if new in files else "+++ (none)"
    yield from unified_diff(old_lines, new_lines, diff_lines(old_lines, new_lines))


def _kind(old: TreeEntry | None, new: TreeEntry | None) -> ChangeKind | None:
    if old == new:
        return None
    if old is None or new is None:
        return "link" if new is not None and new.kind == "link" else "added" if old is None else "removed"
    if new.kind == "link":
        return "link"
    if old.kind == new.kind and old.sha256 == new.sha256:
        return "mode"
    if "folder" in (old.kind, new.kind):
        return "removed" if new.kind == "folder" else "added"
    return "modified"


def _counted(
    path: str, kind: ChangeKind, old: TreeEntry | None, new: TreeEntry | None, content: ContentReader
) -> FileChange:
    if kind in ("link", "mode"):
        return FileChange(path, kind)
    old_lines, new_lines = _lines(path, old, content), _lines(path, new, content)
    if old_lines is None or new_lines is None:
        return FileChange(path, kind, binary=True)
    came, went = count_lines(diff_lines(old_lines, new_lines))
    return FileChange(path, kind, came, went)


def _lines(path: str, entry: TreeEntry | None, content: ContentReader) -> list[str] | None:
    """The lines of a text file; [] if it is not a regular file, None if it is binary or too large."""
    if entry is None or entry.kind != "file":
        return []
    data = content(path, entry) if entry.size <= MAX_TEXT_BYTES else None
    if data is None or b"\0" in data[:_PROBED_BYTES]:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "  (no line end)"
    else:
        lines.pop()
    return lines


def _renamed(before: FolderTree, after: FolderTree) -> dict[str, str]:
    """Map new path to old path of files that kept their content; files that kept their name are matched first."""
    gone: dict[str, list[str]] = {}
    for path, entry in before.entries.items():
        if entry.kind == "file" and entry.size and path not in after.entries:
            gone.setdefault(entry.sha256, []).append(path)
    changed: dict[str, str] = {}
    came = [path for path, entry in after.entries.items() if entry.kind == "file" and path not in before.entries]
    for same_name in (True, False):
        for path in sorted(came):
            left = gone.get(after.entries[path].sha256, [])
            old = next((was for was in left if not same_name or _name(was) == _name(path)), None)
            if path not in changed and old is not None:
                changed[path] = old
                left.remove(old)
    return changed


def _name(path: str) -> str:
    return path.rpartition("/")[2]
