"""The changes between two states of a folder, each with its kind and line counts, and as a unified diff.

Texts are compared in bounded time: lines that occur once in each text and stay in order anchor the comparison (Bram Cohen's
patience diff); the gaps between them are compared line by line, and a large gap counts as replaced as a whole.
"""

import bisect
import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from tabsmith.text import clean_block, plural
from tabsmith.workspaces.tree import FolderTree, TreeEntry, safe_path

_MAX_GAP: Final = 200  # lines; the time to compare a gap grows with its square
CONTEXT: Final = 3


class LineRun(NamedTuple):
    """Lines `low:high` of the old text became `to_low:to_high` of the new one; `same` if they are equal."""

    same: bool
    low: int
    high: int
    to_low: int
    to_high: int


def diff_lines(old: Sequence[str], new: Sequence[str]) -> list[LineRun]:
    """Return both texts as runs, alternately same and different."""
    runs: list[LineRun] = []
    low = to_low = 0
    for index, to_index in [*_anchors(old, new), (len(old), len(new))]:
        for run in _gap(old[low:index], new[to_low:to_index], low, to_low):
            _add(runs, run)
        if index < len(old):
            _add(runs, LineRun(True, index, index + 1, to_index, to_index + 1))
        low, to_low = index + 1, to_index + 1
    return runs


def count_lines(changes: Sequence[LineRun]) -> tuple[int, int]:
    """Return how many lines were added, and how many removed."""
    different = [run for run in changes if not run.same]
    return sum(run.to_high - run.to_low for run in different), sum(run.high - run.low for run in different)


def unified_diff(old: Sequence[str], new: Sequence[str], changes: Sequence[LineRun]) -> Iterator[str]:
    """Yield the lines of a unified diff, without its two header lines."""
    hunk: list[LineRun] = []
    for run in changes:
        if not run.same:
            hunk.append(run)
        elif not hunk:
            hunk = [_tail(run)]
        elif run.high - run.low > 2 * CONTEXT:
            yield from _hunk(old, new, [*hunk, _head(run)])
            hunk = [_tail(run)]
        else:
            hunk.append(run)
    if any(not run.same for run in hunk):
        yield from _hunk(old, new, [*hunk[:-1], _head(hunk[-1])] if hunk[-1].same else hunk)


def _head(run: LineRun) -> LineRun:
    length = min(CONTEXT, run.high - run.low)
    return run._replace(high=run.low + length, to_high=run.to_low + length)


def _tail(run: LineRun) -> LineRun:
    length = min(CONTEXT, run.high - run.low)
    return run._replace(low=run.high - length, to_low=run.to_high - length)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest sequence of lines that occur once in each text, as (old index, new index), rising in both."""
    once_new = {line: index for index, line in enumerate(new)}
    old_counts, new_counts = Counter(old), Counter(new)
    pairs = [
        (index, once_new[line]) for index, line in enumerate(old) if old_counts[line] == 1 and new_counts.get(line) == 1
    ]
    ends: list[int] = []  # the smallest last index in `new` of a sequence of each length
    last_pairs: list[int] = []  # the pair that such a sequence ends with
    before: list[int] = []
    for number, (_, to_index) in enumerate(pairs):
        length = bisect.bisect_left(ends, to_index)
        before.append(last_pairs[length - 1] if length else -1)
        ends[length : length + 1] = [to_index]
        last_pairs[length : length + 1] = [number]
    chosen: list[tuple[int, int]] = []
    number = last_pairs[-1] if last_pairs else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = before[number]
    return chosen[::-1]


def _gap(old: Sequence[str], new: Sequence[str], low: int, to_low: int) -> Iterator[LineRun]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield LineRun(True, low, low + start, to_low, to_low + start)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    low, to_low = low + start, to_low + start
    if max(len(old), len(new)) > _MAX_GAP:
        yield LineRun(False, low, low + len(old), to_low, to_low + len(new))
    else:
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield LineRun(tag == "equal", low + a, low + b, to_low + c, to_low + d)
    low, to_low = low + len(old), to_low + len(new)
    yield LineRun(True, low, low + end, to_low, to_low + end)


def _add(runs: list[LineRun], run: LineRun) -> None:
    if run.low == run.high and run.to_low == run.to_high:
        return
    if runs and runs[-1].same == run.same:
        runs[-1] = runs[-1]._replace(high=run.high, to_high=run.to_high)
    else:
        runs.append(run)


def _hunk(old: Sequence[str], new: Sequence[str], hunk: Sequence[LineRun]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    yield f"@@ -{_range(first.low, last.high)} +{_range(first.to_low, last.to_high)} @@"
    for run in hunk:
        if run.same:
            yield from (" " + line for line in old[run.low : run.high])
        else:
            yield from ("-" + line for line in old[run.low : run.high])
            yield from ("+" + line for line in new[run.to_low : run.to_high])


def _range(low: int, high: int) -> str:
    length = high - low
    if length == 1:
        return str(low + 1)
    return f"{low + 1 if length else low},{length}"


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
