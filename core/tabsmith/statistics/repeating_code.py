"""Python that repeats findings without tabsmith's statistics: how the table is loaded, then pandas, scipy and statsmodels."""

from collections.abc import Sequence
from typing import Final

from tabsmith.statistics.selected_rows import SelectedRows, is_number
from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.info import Dialect, TableInfo
from tabsmith.tables.read.sources import FileSource, ReadOptions, SampleSource

TABLE: Final = "table"


def repeating_code(rows: SelectedRows, lines: Sequence[str], *, imports: Sequence[str] = ()) -> str:
    """A program that loads the selected rows as the frame `table`, and goes on with `lines`, which bind `result`."""
    loading, extra = _loading(rows.info)
    first = sorted({*imports, *extra}, key=lambda line: (line.startswith("from"), line))
    return "\n".join([*first, "", loading, *_filtering(rows), *lines, "print(result)", ""])


def _loading(info: TableInfo) -> tuple[str, tuple[str, ...]]:
    """The line that loads a table, and the imports it needs: pandas alone where pandas reads the same values."""
    source = info.source
    pandas = ("import pandas as pd",)
    if isinstance(source, FileSource) and source.options == ReadOptions() and _pandas_reads_the_same(info):
        if info.format == "parquet":
            return f"{TABLE} = pd.read_parquet({source.path!r})", pandas
        delimiter = "" if info.dialect.delimiter == "," else f", sep={info.dialect.delimiter!r}"
        return f"{TABLE} = pd.read_csv({source.path!r}{delimiter})", pandas
    both = ("import pandas as pd", "import tabsmith")
    if isinstance(source, FileSource) and source.options == ReadOptions():
        return f"{TABLE} = tabsmith.read_table({source.path!r}).to_pandas()", both
    if isinstance(source, SampleSource):
        return f"{TABLE} = tabsmith.read_table({f'sample:{source.name}'!r}).to_pandas()", both
    return f"{TABLE} = pd.DataFrame(frame)  # the table as you gave it, or read it" if info.format == "frame" else (
        f"{TABLE} = tabsmith.read_table(source).to_pandas()  # source: what you read, with its options"
    ), both


def _pandas_reads_the_same(info: TableInfo) -> bool:
    if info.format == "parquet":
        return True
    plain = Dialect(delimiter=info.dialect.delimiter, header_line=1)
    return (
        info.format == "csv"
        and info.route == "fast"
        and info.encoding.lower().replace("-", "") in {"utf8", "ascii"}
        and len(info.dialect.delimiter) == 1
        and info.dialect.header == plain.header
        and info.dialect.header_line == 1
        and not info.dialect.skipped_lines
        and all(
            column.storage in {"integer", "float", "text"} and column.format == ColumnFormat() and not column.odd_count
            for column in info.profile.columns
        )
    )


def _filtering(rows: SelectedRows) -> list[str]:
    if not rows.filter.column:
        return []
    column = rows.column(rows.filter.column)
    name = column.name
    if is_number(column):
        return [f"{TABLE} = {TABLE}[{TABLE}[{name!r}].isin({[float(value) for value in rows.filter.values]!r})]"]
    if column.storage == "boolean":
        return [f"{TABLE} = {TABLE}[{TABLE}[{name!r}].astype(str).str.lower().isin({list(rows.filter.values)!r})]"]
    return [f"{TABLE} = {TABLE}[{TABLE}[{name!r}].astype(str).isin({list(rows.filter.values)!r})]"]
