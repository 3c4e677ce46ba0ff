"""The offline page: no script, every foreign text escaped, under a megabyte whatever is in it."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

import tabsmith
from tabsmith.reports.html_report import LARGEST, HtmlReport
from tabsmith.statistics.findings import Findings, FindingsTable
from tabsmith.statistics.kept.session import FindingsSession, FindingsStore, KeptFindings
from tabsmith.statistics.plan import Frequency
from tabsmith_tui.commands.root import run
from tests.tui.stage import report

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Tags(HTMLParser):
    """The tags of a page, and the attributes that could do something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name == "src"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = "\n".join(f"{row},{'ab'[row % 2]}<b>" for row in range(40))
    path = tmp_path / "t.csv"
    path.write_text(f"x,<i>g\n{rows}\n")
    return path


def test_a_table_with_its_answers_becomes_one_page_without_script(table: Path, tmp_path: Path) -> None:
    info = tabsmith.read_table(table).info
    found = tabsmith.ask(info, 'how many per "<i>g"?').findings[0]
    FindingsStore(info, "local").keep(HOSTILE, found)
    assert run(["report", str(table), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    tags = Tags(page)
    assert tags.tags & {"script", "i", "b", "iframe", "link", "object"} == set()
    assert not any(name.startswith("on") for name in tags.attributes)
    assert len(tags.sources) == 1
    assert tags.sources[0].startswith("data:image/png;base64,")
    assert "&lt;script&gt;" in page
    assert "a&lt;b&gt;" in page


def test_a_page_stays_under_a_megabyte_and_says_what_it_leaves_out() -> None:
    rows = tuple(("x" * 200, "y" * 200) for _ in range(60))
    findings = Findings(Frequency(columns=("g",)), ("s" * 2_000,) * 10, (FindingsTable("t", ("a", "b"), rows),) * 20)
    kept = tuple(KeptFindings(number, "q", 0.0, findings) for number in range(1, 41))
    page = HtmlReport("big")
    page.add_findings(FindingsSession("big", kept, 40))
    text = page.page()
    assert len(text.encode()) <= LARGEST
    assert "The rest is left out" in text
    assert text.rstrip().endswith("</html>")


def test_a_model_has_its_scores_pictures_and_the_lines_that_use_it_again() -> None:
    page = HtmlReport("model")
    page.add_model(report("housing-sale-price-01"))
    text = page.page()
    assert "tabsmith predict housing-sale-price-01" in text
    assert "RMSE" in text
    assert Tags(text).sources


def test_what_is_neither_model_nor_run_nor_table_is_refused(tmp_path: Path) -> None:
    assert run(["report", "no-such-thing", "--out", str(tmp_path / "page.html")]) == 2
    assert not (tmp_path / "page.html").exists()
