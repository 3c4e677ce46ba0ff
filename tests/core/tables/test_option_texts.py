"""Read options and sources as people write them."""

import pytest

from tabsmith.errors import UsageError
from tabsmith.tables.read.option_texts import option_texts, parse_options, source_arguments
from tabsmith.tables.read.sources import (
    DatabaseSource,
    FileSource,
    JoinSource,
    ReadOptions,
    SampleSource,
    parse_source,
)

OPTIONS = [
    ({}, ReadOptions()),
    ({"delimiter": "semicolon"}, ReadOptions(delimiter=";")),
    ({"delimiter": "\\t"}, ReadOptions(delimiter="\t")),
    ({"delimiter": " "}, ReadOptions(delimiter=" ")),
    ({"quote": "none", "escape": "\\"}, ReadOptions(quote="", escape="\\")),
    ({"encoding": "UTF8"}, ReadOptions(encoding="utf-8")),
    ({"header": "auto"}, ReadOptions()),
    ({"header": "none"}, ReadOptions(header=0)),
    ({"header": "3", "skip": "2"}, ReadOptions(header=3, skip=2)),
    ({"sheet": "Sales 2024"}, ReadOptions(sheet="Sales 2024")),
    ({"columns": 'a, b,"c, d"'}, ReadOptions(columns=("a", "b", "c, d"))),
    ({"query": "SELECT 1", "sheet": ""}, ReadOptions(query="SELECT 1")),
]


@pytest.mark.parametrize(("texts", "options"), OPTIONS)
def test_options_are_understood_and_written_again(texts: dict[str, str], options: ReadOptions) -> None:
    assert parse_options(texts) == options
    assert parse_options(option_texts(options)) == options


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("delimiter", "abcde"),
        ("quote", "''"),
        ("encoding", "utf-9"),
        ("header", "first"),
        ("header", "0"),
        ("skip", "-1"),
        ("columns", "a,,b"),
        ("columns", "a,a"),
    ],
)
def test_an_option_that_cannot_be_is_refused_with_what_it_may_be(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"--{name}") as caught:
        parse_options({name: text})
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("sample:iris", SampleSource("iris")),
        ("data/x.csv", FileSource("data/x.csv")),
        ("C:/x.csv", FileSource("C:/x.csv")),
        ("file:///x.csv", FileSource("file:///x.csv")),
        ("sqlite:///shop.db", FileSource("shop.db")),
        ("sqlite:////data/my%20shop.db", FileSource("/data/my shop.db")),
        (" postgresql://ann:pw@host/db ", DatabaseSource("postgresql://ann@host/db")),
    ],
)
def test_a_source_is_told_by_its_form(text: str, source: object) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (FileSource("-x.csv"), ["./-x.csv"]),
        (FileSource("x.csv", options=ReadOptions(delimiter=";", header=0)), ["x.csv", "--delimiter", "semicolon", "--header", "none"]),
        (SampleSource("iris"), ["sample:iris"]),
        (DatabaseSource("postgresql://h/d", options=ReadOptions(sheet="t")), ["postgresql://h/d", "--sheet", "t"]),
        (
            JoinSource((FileSource("a.csv"), FileSource("b.csv")), ("k", "l"), "inner"),
            ["a.csv", "--join", "b.csv", "--on", "k,l", "--matched-only"],
        ),
    ],
)  # fmt: skip
def test_a_source_is_written_as_the_words_of_a_command(source: FileSource, words: list[str]) -> None:
    assert source_arguments(source) == words
