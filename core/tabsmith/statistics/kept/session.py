"""The findings that were made of a table, kept on disk: with names and pins, and p-values corrected for all tests made.

A session is the document of one table. It is replaced whole at every change, so it survives a kill at any time.
"""

import math
import time
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith.errors import FindingsNotKeptError
from tabsmith.paths import folders
from tabsmith.statistics.findings import Findings, FindingsTable, Lines, SignificanceTest
from tabsmith.statistics.multiple_tests import holm
from tabsmith.statistics.sentences import p_text
from tabsmith.storage import Document, Found, file_stem
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import describe_source
from tabsmith.tables.schema.corrections import table_key
from tabsmith.text import plural

SESSION_VERSION: Final = 1
MOST_KEPT: Final = 200
"""Findings that a session keeps; the oldest without a pin go first, and their tests still count."""


class KeptFindings(msgspec.Struct, frozen=True):
    """Findings as they were kept: the question in a person's words, and what it was given since."""

    number: int  # from 1, in the order of asking
    question: str
    at: float  # seconds since 1970
    findings: Findings
    name: str = ""
    pinned: bool = False


class FindingsSession(msgspec.Struct, frozen=True):
    """All findings of one table. `source` is for a person who looks into the folder."""

    source: str = ""
    kept: tuple[KeptFindings, ...] = ()
    asked: int = 0
    forgotten_p: tuple[float, ...] = ()  # of tests whose findings are no longer kept

    def number(self, number: int) -> KeptFindings:
        """The findings with this number. Raises FindingsNotKeptError."""
        for kept in self.kept:
            if kept.number == number:
                return kept
        raise FindingsNotKeptError(
            f"Nothing with the number {number} is kept of this table.",
            next_step=f"Kept are {', '.join(str(kept.number) for kept in self.kept[-10:]) or 'none yet'}.",
        )

    @property
    def p_values(self) -> tuple[float, ...]:
        """The p-values of all tests of significance that were made, in their order, those no longer kept first."""
        return (*self.forgotten_p, *(test.p for kept in self.kept for test in kept.findings.tests))


class FindingsStore:
    """The session of a table and a user on disk."""

    def __init__(self, info: TableInfo, user: str, *, clock: Callable[[], float] = time.time) -> None:
        self._source = describe_source(info.source)
        self._clock = clock
        path = folders().findings / file_stem(user) / f"{table_key(info)}.json"
        self._document = Document(path, FindingsSession, version=SESSION_VERSION, name="findings")

    def load(self) -> FindingsSession:
        """The session; an empty one if nothing was asked yet, or if its file was damaged and moved aside."""
        loaded = self._document.load()
        return loaded.value if isinstance(loaded, Found) else FindingsSession(self._source)

    def keep(self, question: str, findings: Findings) -> KeptFindings:
        """Keep findings at the session's end and return them with their number."""

        def change(session: FindingsSession) -> FindingsSession:
            kept = KeptFindings(session.asked + 1, question, self._clock(), storable(findings))
            return _bounded(replace(session, kept=(*session.kept, kept), asked=session.asked + 1))

        return self._update(change).kept[-1]

    def pin(self, number: int, *, pinned: bool = True) -> KeptFindings:
        """Pin findings, so that they are never dropped, or take the pin off. Raises FindingsNotKeptError."""
        return self._change(number, lambda kept: replace(kept, pinned=pinned))

    def rename(self, number: int, name: str) -> KeptFindings:
        """Give findings a name. Raises FindingsNotKeptError."""
        return self._change(number, lambda kept: replace(kept, name=name.strip()[:80]))

    def forget(self, number: int) -> None:
        """Drop findings; their tests still count. Raises FindingsNotKeptError."""

        def change(session: FindingsSession) -> FindingsSession:
            gone = session.number(number)
            return replace(
                session,
                kept=tuple(kept for kept in session.kept if kept is not gone),
                forgotten_p=(*session.forgotten_p, *(test.p for test in gone.findings.tests)),
            )

        self._update(change)

    def _change(self, number: int, change: Callable[[KeptFindings], KeptFindings]) -> KeptFindings:
        def changed(session: FindingsSession) -> FindingsSession:
            old = session.number(number)
            return replace(session, kept=tuple(change(kept) if kept is old else kept for kept in session.kept))

        return self._update(changed).number(number)

    def _update(self, change: Callable[[FindingsSession], FindingsSession]) -> FindingsSession:
        return self._document.update(lambda old: change(old or FindingsSession(self._source)))


def significance_sentence(session: FindingsSession, number: int) -> str:
    """How many tests were made of this table, and the corrected p-values of these findings; "" if they hold none."""
    kept = session.number(number)
    if not kept.findings.tests:
        return ""
    corrected = holm(session.p_values)
    start = len(session.forgotten_p) + sum(len(other.findings.tests) for other in session.kept if other.number < number)
    shown = ", ".join(p_text(p) for p in corrected[start : start + len(kept.findings.tests)][:6])
    more = ", ..." if len(kept.findings.tests) > 6 else ""
    return f"{plural(len(corrected), 'test')} in this session; corrected {shown}{more} (Holm)."


def storable(findings: Findings) -> Findings:
    """The findings as JSON can hold them: a number that is not finite becomes no value."""
    return replace(
        findings,
        tables=tuple(_storable_table(table) for table in findings.tables),
        tests=tuple(_storable_test(test) for test in findings.tests if math.isfinite(test.p)),
        picture=_storable_lines(findings.picture) if isinstance(findings.picture, Lines) else findings.picture,
    )


def _storable_table(table: FindingsTable) -> FindingsTable:
    rows = tuple(
        tuple(None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in row)
        for row in table.rows
    )
    return replace(table, rows=rows)


def _storable_test(test: SignificanceTest) -> SignificanceTest:
    largest = math.copysign(1.7e308, test.statistic) if math.isinf(test.statistic) else 0.0
    return replace(
        test,
        statistic=test.statistic if math.isfinite(test.statistic) else largest,
        freedom=tuple(value for value in test.freedom if math.isfinite(value)),
        size=test.size if test.size is not None and math.isfinite(test.size) else None,
        interval=test.interval if test.interval is not None and all(map(math.isfinite, test.interval)) else None,
    )


def _storable_lines(picture: Lines) -> Lines:
    """The picture without the times at which a line has no value."""
    whole = [
        index
        for index in range(len(picture.times))
        if all(math.isfinite(line[index]) for line in picture.lines.values())
    ]
    return replace(
        picture,
        times=tuple(picture.times[index] for index in whole),
        lines={name: tuple(values[index] for index in whole) for name, values in picture.lines.items()},
    )


def _bounded(session: FindingsSession) -> FindingsSession:
    surplus = len(session.kept) - MOST_KEPT
    gone = [kept for kept in session.kept[:-1] if not kept.pinned][: max(0, surplus)]
    if not gone:
        return session
    return replace(
        session,
        kept=tuple(kept for kept in session.kept if kept not in gone),
        forgotten_p=(*session.forgotten_p, *(test.p for kept in gone for test in kept.findings.tests)),
    )
