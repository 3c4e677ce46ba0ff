"""Column names made usable: every column has one, and no two have the same. Light."""

from collections.abc import Sequence


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """`names` trimmed, an empty one called `column_<n>` (from 1), a repeated one `<name>_2`, `<name>_3` ..."""
    given = [name.strip() or f"column_{position}" for position, name in enumerate(names, 1)]
    taken = set(given)
    used: set[str] = set()
    result: list[str] = []
    for name in given:
        chosen, count = name, 2
        while chosen in used or (chosen != name and chosen in taken):
            chosen = f"{name}_{count}"
            count += 1
        used.add(chosen)
        result.append(chosen)
    return tuple(result)


def numbered_names(count: int) -> tuple[str, ...]:
    """`column_1` to `column_<count>`, for a table without a header."""
    return tuple(f"column_{position}" for position in range(1, count + 1))
