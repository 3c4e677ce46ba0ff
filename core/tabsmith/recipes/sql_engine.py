"""The DuckDB connection in which derived columns are checked and computed, and the functions they may call.

The list is closed: `duckdb_functions()` calls some readers of the clock (current_localtimestamp) consistent, and
some consistent functions (repeat, lpad, printf, range, levenshtein, list aggregates) cost any amount of memory or
time on one row. What is on the list must, besides, be scalar and consistent in the DuckDB that is installed.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

_OPERATORS: Final = "+ - * / // % ** ^ || ~~ !~~ ~~* !~~* ^@"

_NUMBERS: Final = """
    abs acos acosh add asin asinh atan atan2 atanh cbrt ceil ceiling cos cosh cot degrees divide even exp factorial
    floor gamma gcd greatest isfinite isinf isnan lcm least lgamma ln log log10 log2 mod multiply pi pow power radians
    round round_even sign signbit sin sinh sqrt subtract tan tanh trunc
"""

_TEXT: Final = """
    array_extract ascii char_length character_length chr concat concat_ws contains ends_with instr jaccard lcase left
    len length list_element list_extract lower ltrim ord position prefix regexp_extract regexp_full_match
    regexp_matches regexp_replace replace reverse right rtrim split starts_with str_split string_split
    string_split_regex str_split_regex strip_accents strlen strpos substr substring suffix translate trim ucase
    unicode upper
"""

_DATES: Final = """
    century date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth
    dayofweek dayofyear decade epoch epoch_ms hour isodow isoyear julian last_day make_date make_timestamp
    microsecond millisecond minute month monthname quarter second strftime strptime to_days to_hours to_minutes
    to_months to_seconds to_weeks to_years try_strptime week weekday weekofyear year yearweek
"""

MACROS: Final = frozenset({"if", "nullif", "split_part", "fmod", "fdiv", "date_add", "days_in_month"})
"""DuckDB's own macros that are scalar and no more than a short spelling; those that write an argument twice make
the expression grow, which `sql` counts."""

ALLOWED: Final = frozenset(f"{_OPERATORS} {_NUMBERS} {_TEXT} {_DATES}".split()) | MACROS


def connect_sandboxed() -> "duckdb.DuckDBPyConnection":
    """A database in memory that reaches nothing outside itself, and whose settings cannot be changed."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "allow_community_extensions": False,
            "threads": 1,
            "memory_limit": "1GB",
            "temp_directory": "",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    # A division by zero is missing, not infinite; an error would pass through TRY in a CASE that divides twice.
    connection.execute("SET ieee_floating_point_ops = false")
    connection.execute("SET error_on_division_by_zero = false")
    connection.execute("SET lock_configuration = true")
    return connection


@cache
def allowed_functions() -> frozenset[str]:
    """The functions that a derived column may call: on the list, and scalar and consistent in every overload."""
    with connect_sandboxed() as connection:
        rows = connection.execute(
            "SELECT lower(function_name), bool_and(function_type = 'scalar' AND stability = 'CONSISTENT'), "
            "bool_and(function_type = 'macro' AND internal) FROM duckdb_functions() GROUP BY 1"
        ).fetchall()
    return frozenset(
        name for name, consistent, macro in rows if (macro if name in MACROS else consistent) and name in ALLOWED
    )


@cache
def known_functions() -> dict[str, str]:
    """Every function of the installed DuckDB by name, with its type (scalar, aggregate, table, window, macro)."""
    with connect_sandboxed() as connection:
        rows = connection.execute(
            "SELECT lower(function_name), min(function_type) FROM duckdb_functions() GROUP BY 1"
        ).fetchall()
    return {str(name): str(kind) for name, kind in rows}
