"""Pictures with reports in a CSV table, such as IU X-Ray's (Demner-Fushman et al., 2016).

One table with a row a picture, or two: reports, and the pictures of each report, joined by a column that both have.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from engine.protocol import Language
from training.instruct.items import Report, SourceImage, Unit
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.records import DatasetError

_LARGEST_CELL = 1_000_000


class ReportTableSettings(SourceSettings):
    """reports : the CSV of reports. pictures : that of pictures, joined by `join`; none where both are one table.

    image, findings, impression : columns; a report without either text is left out. group : the column that tells the
    patient, `join` where it is not given. view : columns and values that a picture must have (`projection`).
    """

    kind: Literal["report_table"]
    reports: Path
    root: Path
    pictures: Path | None = None
    join: str = "uid"
    image: str = "filename"
    findings: str = "findings"
    impression: str = "impression"
    group: str = ""
    view: dict[str, str] = Field(default_factory=dict)
    language: Language = Language.EN


class ReportTable(Source[ReportTableSettings]):
    """See the module."""

    kind: ClassVar[str] = "report_table"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the table's order."""
        settings = self.settings
        # An unnamed database lives in a temporary file and goes with its connection.
        with closing(sqlite3.connect("")) as reports:
            reports.execute("CREATE TABLE report (key TEXT PRIMARY KEY, row TEXT)")
            if settings.pictures is not None:
                rows = ((row.get(settings.join, ""), json.dumps(row)) for row in _rows(settings.reports))
                reports.executemany("INSERT OR REPLACE INTO report VALUES (?, ?)", rows)
            yield from self._joined(reports)

    def _joined(self, reports: sqlite3.Connection) -> Iterator[Unit]:
        settings = self.settings
        for number, row in enumerate(_rows(settings.pictures or settings.reports), start=2):
            if settings.pictures is not None:
                key = row.get(settings.join, "")
                report = reports.execute("SELECT row FROM report WHERE key = ?", (key,)).fetchone()
                if report is None:
                    continue
                row = {**json.loads(report[0]), **row}
            if any(row.get(column) != value for column, value in settings.view.items()):
                continue
            image = row.get(settings.image, "")
            if not image:
                raise DatasetError(f"{settings.pictures or settings.reports} line {number} names no picture")
            found = row.get(settings.findings, "").strip(), row.get(settings.impression, "").strip()
            if any(found):
                group = row.get(settings.group or settings.join, "") or self.group_of(Path(image).stem)
                yield Unit(f"{number} {image}", (image, group, *found))

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its report."""
        name, group, findings, impression = unit.data
        path = inside(self.settings.root, name, str(self.settings.pictures or self.settings.reports))
        report = Report(self.settings.language, " ".join(findings.split()), " ".join(impression.split()))
        yield SourceImage(read_picture(path), group, self.modality, self.settings.body_part, reports=(report,))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    require_file(path, "reports")
    csv.field_size_limit(_LARGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                yield {str(column): str(value or "") for column, value in row.items()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not a CSV table in UTF-8: {error}") from error
