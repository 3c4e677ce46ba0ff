"""Several files that are one table are read one by one, and all their rows together get their types."""

import dataclasses
from pathlib import Path

from tabsmith.tables.database import sql_literal
from tabsmith.tables.info import REASON_COLUMN, Route
from tabsmith.tables.read.arrow_columns import convert_relation, unique_names
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.file_reader import Workplace, read_opened
from tabsmith.tables.read.file_sets import FileSet, require_same_columns
from tabsmith.tables.read.formats.base import Progress, ReadResult
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.guard import open_guarded
from tabsmith.tables.read.sources import FileSource
from tabsmith.text import clean


class FileSetReader:
    """Reads the files of a set one by one, text as text, and gives all rows together their types."""

    def __init__(
        self,
        source: FileSource,
        files: FileSet,
        place: Workplace,
        allowed: tuple[Path, ...],
        max_mb: float,
        progress: Progress,
    ) -> None:
        self._source = source
        self._files = files
        self._place = place
        self._allowed = allowed
        self._max_mb = max_mb
        self._progress = progress

    def read(self) -> ReadResult:
        results = [self._read_member(number) for number in range(len(self._files.members))]
        names = results[0].names
        require_same_columns(self._files, tuple(result.names for result in results))
        keys = [key for key in self._files.members[0].keys if key not in names]
        relation = self._relation(results, keys)
        every_row = self._source.options.every_row
        columns = convert_relation(
            self._place.database,
            relation,
            self._place.out,
            as_text=self._source.as_text and not every_row,
            read_texts=not every_row,
            kept=(REASON_COLUMN,) if every_row else (),
            dates=self._source.options.dates,
        )
        notes = LineNotes()
        for member, result in zip(self._files.members, results, strict=True):
            notes.extend(result.notes, clean(member.name, 100))
        route: Route = "careful" if any(result.route == "careful" for result in results) else "fast"
        return dataclasses.replace(
            results[0], names=unique_names((*names, *keys)), columns=columns, route=route, notes=notes
        )

    def _read_member(self, number: int) -> ReadResult:
        member = self._files.members[number]
        scratch = self._place.scratch / f"file-{number}"
        scratch.mkdir()
        place = self._place._replace(scratch=scratch, out=scratch / "rows.parquet")
        with open_guarded(member.path, allowed=self._allowed, max_mb=self._max_mb) as opened:
            as_text = self._source.as_text or format_named(opened.file.format).is_text
            share = 0.7 * number / len(self._files.members)

            def advance(_share: float, message: str) -> None:
                self._progress(share, f"{message} {clean(member.name, 60)}")

            return read_opened(opened, place, as_text, self._source.options, self._max_mb, advance)

    def _relation(self, results: list[ReadResult], keys: list[str]) -> str:
        """SQL of all rows, the columns of every file in the order of the first, then the keys of the folders.

        With `options.every_row`, a last column says why a row could not be read.
        """
        import pyarrow.parquet as pq

        names = results[0].names
        parts = []
        for number, (member, result) in enumerate(zip(self._files.members, results, strict=True)):
            positions = {name: position for position, name in enumerate(result.names)}
            columns = [f"c{positions[name]} AS c{place}" for place, name in enumerate(names)]
            for place, key in enumerate(keys, len(names)):
                value = member.keys.get(key)
                literal = "CAST(NULL AS VARCHAR)" if value is None else sql_literal(value)
                columns.append(f"{literal} AS c{place}")
            path = self._place.scratch / f"file-{number}" / "rows.parquet"
            if self._source.options.every_row:
                has_reasons = REASON_COLUMN in pq.read_schema(path).names
                columns.append(REASON_COLUMN if has_reasons else f"CAST(NULL AS VARCHAR) AS {REASON_COLUMN}")
            parts.append(f"SELECT {', '.join(columns)} FROM read_parquet({sql_literal(str(path))})")  # noqa: S608
        return f"({' UNION ALL '.join(parts)})"
