"""Questions that can be asked of a table, with its own columns in them."""

from tabsmith.statistics.selected_rows import is_number, is_time
from tabsmith.statistics.words.names import is_group
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.text import clean

_FEW_ROWS = 20  # of which a number can be different in each by chance
_KEY_SPAN = 1.5  # how far apart the keys of so many rows lie, of which some were left out
_MOST_GROUPS = 50  # values of a column that parts the rows well


def example_questions(profile: TableProfile, most: int = 5) -> tuple[str, ...]:
    """Up to `most` questions about the columns of this table, each of another kind; () for a table without columns."""
    filled = [column for column in profile.columns if column.rows > column.missing]
    usable = [column for column in filled if not _names_rows(column)] or filled
    numbers = [column for column in usable if is_number(column) and column.distinct > 2] or [
        column for column in filled if is_number(column)
    ]
    groups = sorted(
        (column for column in usable if _parts_rows(column)), key=lambda column: column.storage == "integer"
    )
    dates = [column for column in usable if is_time(column)]
    examples: list[str] = []
    if numbers and (others := [group for group in groups if group is not numbers[0]]):
        examples.append(f"mean of {_shown(numbers[0])} by {_shown(others[0])}")
    if len(numbers) > 1:
        examples.append(f"is {_shown(numbers[0])} related to {_shown(numbers[1])}?")
    if groups:
        examples.append(f"how many per {_shown(groups[0])}?")
    if numbers and dates:
        examples.append(f"{_shown(numbers[0])} over time")
    if numbers:
        examples.append(f"outliers in {_shown(numbers[0])}")
    if usable:
        examples += [f"describe {_shown(usable[0])}", "what is missing?"]
    return tuple(examples[:most])


def _names_rows(column: ColumnProfile) -> bool:
    """Whether every row has a text of its own, or the next number: a key, of which nobody asks for the mean."""
    if column.distinct < column.rows or column.rows <= _FEW_ROWS:
        return False
    numbers = column.numbers
    counts_rows = numbers is not None and numbers.maximum - numbers.minimum < _KEY_SPAN * column.rows
    return column.storage == "text" or (column.storage == "integer" and counts_rows)


def _parts_rows(column: ColumnProfile) -> bool:
    return is_group(column) and 1 < column.distinct <= min(_MOST_GROUPS, max(2, column.rows // 2))


def _shown(column: ColumnProfile) -> str:
    """The column's name as a question holds it: in quotes unless it is one plain word."""
    name = clean(column.name, 60)
    return name if name.replace("_", "").isalnum() else f'"{name}"'
