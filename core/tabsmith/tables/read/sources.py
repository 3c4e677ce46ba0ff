"""Where a table comes from, as data: a file, a frame from Python, or one of the samples that come with scikit-learn."""

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args
from urllib.parse import unquote

import msgspec

from tabsmith.errors import UsageError
from tabsmith.tables.read.remote.addresses import keep_password
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd


DateOrder: TypeAlias = Literal["day first", "month first"]
"""How dates such as 03/04/2024 are read in a column in which both readings fit all rows."""


class ReadOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is decided beforehand about how a file is read. Whatever is None or empty is found out from the file."""

    delimiter: str | None = None
    quote: str | None = None  # "" for none
    escape: str | None = None  # "" for none
    encoding: str | None = None
    header: int | None = None  # the number of the line with the names, counted from 1; 0 for no header
    skip: int | None = None  # lines to skip at the top
    sheet: str | None = None  # of a workbook, the table of a database, or the file in an archive
    query: str | None = None  # an SQL query to a database, in place of one of its tables
    dates: DateOrder | None = None
    missing: tuple[str, ...] = ()  # numbers, as texts, that stand for a missing value, such as 999
    columns: tuple[str, ...] = ()  # names for the columns, in place of those in the file
    expected: tuple[str, ...] = ()  # names that the file is expected to hold (a model's columns): evidence for a header
    every_row: bool = False
    """For new rows of a model: a line that cannot be read stays as an empty row, with the reason in a Parquet column
    `reason`, and texts stay as they stand beside values that have a type."""


Asker: TypeAlias = Literal["person", "bridge"]
"""Who asked for a file: a person at this machine, who may open what their account may read, or somebody through the
Telegram bridge, who is held to the folders of the setting `paths.allowed` and to what was sent here."""


JoinKind: TypeAlias = Literal["left", "inner"]


class FileSource(msgspec.Struct, frozen=True, tag="file", tag_field="source"):
    """A file on this machine, as the person wrote it; `as_text` keeps every value as the text that stands there."""

    path: str
    as_text: bool = False
    options: ReadOptions = ReadOptions()
    asked_by: Asker = "person"


SampleName: TypeAlias = Literal["iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"]


class SampleSource(msgspec.Struct, frozen=True, tag="sample", tag_field="source"):
    """One of the small tables that come with scikit-learn."""

    name: SampleName


class FrameSource(msgspec.Struct, frozen=True, tag="frame", tag_field="source"):
    """A DataFrame handed over from Python; only its snapshot, called `fingerprint`, lives on."""

    fingerprint: str


class DatabaseSource(msgspec.Struct, frozen=True, tag="database", tag_field="source"):
    """A table of a database server, or the rows of a query to it (`options.sheet`, `options.query`).

    `url` is an SQLAlchemy address and never holds a password (`remote.addresses` keeps that in memory). A database does not
    tell when it last changed, so the rows that were read live on in a snapshot called `fingerprint`.
    """

    url: str
    as_text: bool = False
    options: ReadOptions = ReadOptions()
    fingerprint: str = ""


class RemoteSource(msgspec.Struct, frozen=True, tag="remote", tag_field="source"):
    """A file on the web, at an http or https address without a password; read only if `paths.remote` allows it."""

    url: str
    as_text: bool = False
    options: ReadOptions = ReadOptions()


class JoinSource(msgspec.Struct, frozen=True, tag="join", tag_field="source"):
    """Two to four tables joined by the columns `on`, which all of them have.

    Every row of the first table stays ("left"), or those only whose keys are in all tables ("inner").
    """

    tables: "tuple[FileSource | SampleSource | DatabaseSource | RemoteSource, ...]"
    on: tuple[str, ...]
    how: JoinKind = "left"


class TasksSource(msgspec.Struct, frozen=True, tag="tasks", tag_field="source"):
    """No table: the path of a task file, and the text that it held when the run was started."""

    path: str
    text: str


OneTable: TypeAlias = FileSource | SampleSource | DatabaseSource | RemoteSource
"""A source that a person names by a path, a sample's name or an address."""

Source: TypeAlias = OneTable | FrameSource | JoinSource

SAMPLE_SIZES: Final[dict[SampleName, tuple[int, int]]] = {  # rows and columns
    "iris": (150, 5),
    "wine": (178, 14),
    "breast_cancer": (569, 31),
    "diabetes": (442, 11),
    "digits": (1_797, 65),
    "linnerud": (20, 6),
}
_SAMPLE_TARGETS: Final[dict[SampleName, str]] = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
}
_NAMED_CLASSES: Final = frozenset({"iris", "wine", "breast_cancer"})
_SAMPLE_PREFIX: Final = "sample:"
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_REMOTE: Final = frozenset({"http", "https", "s3"})
_FILE_DATABASES: Final = frozenset({"sqlite", "duckdb"})


def parse_source(text: str, *, as_text: bool = False, options: ReadOptions = ReadOptions()) -> OneTable:  # noqa: B008
    """The source that a person means by `text`: a sample (`sample:iris`), a database's address, or a path.

    `sqlite:///PATH` and `duckdb:///PATH` are files. A password in an address is kept in this process's memory and is
    no part of the source. Raises UsageError for an unknown sample.
    """
    text = text.strip() if _ADDRESS.match(text.strip()) else text
    scheme = text.partition(":")[0].lower()
    if text.startswith(_SAMPLE_PREFIX):
        return _sample(text.removeprefix(_SAMPLE_PREFIX))
    if not _ADDRESS.match(text) or scheme == "file":
        return FileSource(text, as_text, options)
    if scheme.partition("+")[0] in _FILE_DATABASES:
        return FileSource(unquote(text.partition("://")[2].partition("?")[0].removeprefix("/")), as_text, options)
    kind = RemoteSource if scheme in _REMOTE else DatabaseSource
    return kind(keep_password(text), as_text, options)


def _sample(name: str) -> SampleSource:
    try:
        return SampleSource(msgspec.convert(name, SampleName))
    except msgspec.ValidationError:
        samples = ", ".join(_SAMPLE_PREFIX + name for name in get_args(SampleName))
        raise UsageError(f"There is no {_SAMPLE_PREFIX}{clean(name)}.", next_step=f"There are {samples}.") from None


def describe_source(source: Source | TasksSource) -> str:
    """The source in a few words, for a title: the file's name, or `sample iris`."""
    match source:
        case FileSource(path=path) | TasksSource(path=path):
            return path.rstrip("/").rsplit("/", 1)[-1]
        case SampleSource(name=name):
            return f"sample {name}"
        case FrameSource():
            return "a DataFrame"
        case RemoteSource(url=url):
            return url.partition("?")[0].rstrip("/").rpartition("/")[2]
        case DatabaseSource(url=url, options=options):
            return options.sheet or ("a query" if options.query else f"database {url.rpartition('/')[2]}")
        case JoinSource(tables=tables):
            return " + ".join(describe_source(table) for table in tables)


def without_snapshot(source: Source) -> Source:
    """`source` as it was before it was read: without the names of the snapshots of databases in it."""
    match source:
        case DatabaseSource():
            return msgspec.structs.replace(source, fingerprint="")
        case JoinSource(tables=tables):
            unread = tuple(
                msgspec.structs.replace(table, fingerprint="") if isinstance(table, DatabaseSource) else table
                for table in tables
            )
            return msgspec.structs.replace(source, tables=unread)
        case _:
            return source


def sample_frame(name: SampleName) -> "pd.DataFrame":
    """The sample as a frame, with its target as the last column, as class names where the sample names its classes."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = bunch.data.copy()
    frame.columns = [str(column).replace(" (cm)", "_cm").replace(" ", "_") for column in frame.columns]
    if name == "linnerud":
        frame[list(bunch.target.columns)] = bunch.target
        return frame
    target = bunch.target
    if name in _NAMED_CLASSES:
        target = target.map(dict(enumerate(str(label) for label in bunch.target_names)))
    frame[_SAMPLE_TARGETS[name]] = target
    for column in frame.columns:
        if frame[column].dtype == float and (frame[column] % 1 == 0).all():
            frame[column] = frame[column].astype("int64")
    return frame
