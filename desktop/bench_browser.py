"""How fast the study browser opens on a long list, and what is measured of it."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import click
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QApplication

from desktop.app import make_application
from desktop.cli import has_display
from desktop.model.browser import BrowserModel
from desktop.model.reader import ReaderModel
from desktop.panels.browser_panel import BrowserPanel
from engine.bench import BenchReport, Row, row
from engine.cli.bench import print_report
from engine.cli.options import json_option
from engine.scans import SeriesEntry, StudyFacts
from engine.store import AnnotationStore, ListedScan, ScanFilter

_RUNS = 5
# About as many as a person has scrolled past, as large as real ones are.
_PICTURES, _PICTURE_BYTES = 1000, 6000


def list_many(store: AnnotationStore, count: int, per_study: int = 4) -> None:
    """Put `count` series on the list that are not there: studies of four, patients of two studies."""
    scans = []
    for number in range(count):
        study, patient = number // per_study, number // (2 * per_study)
        facts = StudyFacts(
            patient_name=f"Family{patient:05}^Given",
            patient_id=f"ID{patient}",
            study_date=f"20{10 + study % 15:02}{1 + study % 12:02}{1 + study % 28:02}",
            study_description=f"study {study}",
            series_number=number % per_study,
        )
        path = Path(f"/scans/{patient}/{study}/{number}")
        modality = ("CT", "MR", "US", "CR")[number % 4]
        uid, files = f"1.2.{number}", (path / "1.dcm",)
        entry = SeriesEntry(path, uid, f"1.2.{study}", modality, f"series {number}", 512, 512, 99, files, facts=facts)
        scans.append(ListedScan(entry))
    store.scan_index.keep(scans)


def bench_browser(app: QApplication, count: int = 10_000) -> tuple[Row, ...]:
    """Medians of five runs: from the file to rows on screen, a search, the next scan. Goals in seconds."""
    times: dict[str, list[float]] = {"open and show": [], "search": [], "next scan": []}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "many.sqlite"
        with AnnotationStore.open(database) as store:
            list_many(store, count)
            for number in range(1, min(count, _PICTURES) + 1):
                store.scan_index.keep_thumbnail(number, bytes(_PICTURE_BYTES))
        for _ in range(_RUNS):
            begin = time.perf_counter()
            with AnnotationStore.open(database) as store:
                browser = BrowserModel(store, QUndoStack(), ReaderModel(store, "bench"))
                panel = BrowserPanel(browser)
                panel.resize(300, 900)
                browser.refresh()
                panel.show()
                app.processEvents()
                panel.grab()
                times["open and show"].append(time.perf_counter() - begin)
                begin = time.perf_counter()
                browser.set_filter(ScanFilter("family00042 mr"))
                app.processEvents()
                times["search"].append(time.perf_counter() - begin)
                browser.set_filter(ScanFilter())
                begin = time.perf_counter()
                store.scans.neighbour(browser.filter, count // 2, 1)
                times["next scan"].append(time.perf_counter() - begin)
                panel.close()
                browser.close()
    goals = {"open and show": 0.3, "search": 0.1, "next scan": 0.1}
    return tuple(
        row(f"{name}, {count:,} series", "s", statistics.median(values), goal=goals[name])
        for name, values in times.items()
    )


@click.command("browser")
@json_option
def browser_command(as_json: bool) -> None:
    """Open, search and walk a list of 10,000 series.

    Takes about a minute; without a screen it draws into memory. Example: medrega bench browser --json
    """
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app, _ = make_application()
    print_report(BenchReport("browser", bench_browser(app)), as_json)
