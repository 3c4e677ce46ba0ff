"""Findings are kept with their table: numbered, named, pinned, with p-values corrected for all tests made."""

import math
from pathlib import Path

import pytest

import tabsmith
from tabsmith.errors import FindingsNotKeptError, NotUnderstoodError
from tabsmith.presentation.findings import findings_csv, findings_markdown
from tabsmith.statistics.findings import Findings, FindingsTable, Lines, SignificanceTest
from tabsmith.statistics.kept import session as sessions
from tabsmith.statistics.kept.session import FindingsStore, significance_sentence
from tabsmith.statistics.plan import Compare, Trend
from tabsmith.tables.table import Table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    rows = "\n".join(f"{row},{'ab'[row % 2]}" for row in range(40))
    (tmp_path / "t.csv").write_text(f"x,g\n{rows}\n")
    return tabsmith.read_table(tmp_path / "t.csv")


def findings_with(*p_values: float) -> Findings:
    tests = tuple(SignificanceTest("Welch's t-test", 2.0, p) for p in p_values)
    return Findings(Compare(value="x", by="g"), ("x is higher in b.",), tests=tests)


def test_every_test_of_a_session_counts_also_when_its_findings_are_gone(table: Table) -> None:
    store = FindingsStore(table.info, "ann")
    first = store.keep("does x differ?", findings_with(0.01))
    store.keep("and again?", findings_with(0.02, 0.2))
    assert significance_sentence(store.load(), first.number).startswith("3 tests in this session; corrected p = 0.030")
    store.forget(2)
    assert [kept.number for kept in store.load().kept] == [1]
    assert significance_sentence(store.load(), 1).startswith("3 tests in this session; corrected p = 0.030")
    with pytest.raises(FindingsNotKeptError):
        store.load().number(2)


def test_names_and_pins_are_there_for_whoever_opens_the_session_again(table: Table) -> None:
    FindingsStore(table.info, "ann").keep("q", findings_with())
    FindingsStore(table.info, "ann").rename(1, "the *main* point")
    FindingsStore(table.info, "ann").pin(1)
    session = FindingsStore(table.info, "ann").load()
    assert (session.kept[0].name, session.kept[0].pinned) == ("the *main* point", True)
    assert FindingsStore(table.info, "bob").load().kept == ()
    assert "the \\*main\\* point" in findings_markdown(session)


def test_a_full_session_drops_the_oldest_without_a_pin(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_KEPT", 3)
    store = FindingsStore(table.info, "ann")
    for p in (0.1, 0.2, 0.3):
        store.keep("q", findings_with(p))
    store.pin(1)
    store.keep("q", findings_with(0.4))
    assert [kept.number for kept in store.load().kept] == [1, 3, 4]
    assert sorted(store.load().p_values) == [0.1, 0.2, 0.3, 0.4]


def test_numbers_that_are_not_finite_are_kept_as_no_value(table: Table) -> None:
    lines = Lines("x", (0.0, 1.0, 2.0), {"": (1.0, math.nan, 3.0)})
    odd = Findings(
        Trend(time="x"), (), (FindingsTable("", ("n",), ((math.inf,), ("=1+1",))),), lines,
        (SignificanceTest("t", math.inf, 0.0, (math.nan,), size=math.nan),),
    )  # fmt: skip
    store = FindingsStore(table.info, "ann")
    store.keep("q", odd)
    kept = store.load().kept[0].findings
    assert kept.tables[0].rows[0] == (None,)
    assert isinstance(kept.picture, Lines)
    assert kept.picture.times == (0.0, 2.0)
    assert findings_csv(kept).splitlines() == ["n", '""', "'=1+1"]


def test_python_asks_a_table_and_is_told_what_to_ask_instead(table: Table) -> None:
    answer = tabsmith.ask(table, "how many per g?")
    assert answer.findings[0].rows_used == 40
    assert "Number of rows for each value of g." in repr(answer)
    with pytest.raises(NotUnderstoodError) as caught:
        tabsmith.ask(table, "what is the wether")
    assert "mean of x by g" in caught.value.next_step
