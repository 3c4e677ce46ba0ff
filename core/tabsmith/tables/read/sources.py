"""Where a table comes from, as data: what a person pointed at, before anything is read."""

from typing import Final, Literal, TypeAlias, get_args

import msgspec

from tabsmith.errors import UsageError
from tabsmith.text import clean


class FileSource(msgspec.Struct, frozen=True, tag="file", tag_field="source"):
    """A file on this machine, as the person wrote it; `as_text` keeps every value as the text that stands there."""

    path: str
    as_text: bool = False


SampleName: TypeAlias = Literal["iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"]


class SampleSource(msgspec.Struct, frozen=True, tag="sample", tag_field="source"):
    """One of the small tables that come with scikit-learn."""

    name: SampleName


class FrameSource(msgspec.Struct, frozen=True, tag="frame", tag_field="source"):
    """A DataFrame handed over from Python; it lives on only as the snapshot of that `fingerprint`."""

    fingerprint: str


class TasksSource(msgspec.Struct, frozen=True, tag="tasks", tag_field="source"):
    """No table: a task file, where it lies, and its text when the run was asked for."""

    path: str
    text: str


Source: TypeAlias = FileSource | SampleSource | FrameSource

_SAMPLE: Final = "sample:"


def parse_source(text: str, *, as_text: bool = False) -> Source:
    """What a person means by `text`: `sample:iris` is a sample, everything else a path.

    Raises UsageError for a sample that there is not.
    """
    if not text.startswith(_SAMPLE):
        return FileSource(text, as_text)
    try:
        return SampleSource(msgspec.convert(text.removeprefix(_SAMPLE), SampleName))
    except msgspec.ValidationError:
        known = ", ".join(_SAMPLE + name for name in get_args(SampleName))
        raise UsageError(f"There is no {clean(text)}.", next_step=f"There are {known}.") from None


def describe_source(source: Source | TasksSource) -> str:
    """The source in a few words, for a title: the file's name, or `sample iris`."""
    match source:
        case FileSource(path=path) | TasksSource(path=path):
            return path.rstrip("/").rsplit("/", 1)[-1]
        case SampleSource(name=name):
            return f"sample {name}"
        case FrameSource():
            return "a DataFrame"
