"""How fast the study browser opens on a long list, and what is measured of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QApplication

from desktop.model.browser import BrowserModel
from desktop.panels.browser_panel import BrowserPanel
from engine.scans import SeriesEntry, StudyFacts
from engine.store import AnnotationStore, ListedScan, ScanFilter

_RUNS = 5
# About as many as a person has scrolled past, as large as real ones are.
_PICTURES, _PICTURE_BYTES = 1000, 6000


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One figure. peer_name, peer, ratio : None where there is no peer. met : `ours` reached `goal`."""

    name: str
    unit: str
    ours: float
    peer_name: str | None
    peer: float | None
    ratio: float | None
    goal: float
    met: bool


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


def bench_browser(app: QApplication, count: int = 10_000) -> list[BenchRow]:
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
                browser = BrowserModel(store, QUndoStack(), "bench")
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
    medians = {name: statistics.median(values) for name, values in times.items()}
    return [
        BenchRow(f"{name}, {count:,} series", "s", ours, None, None, None, goals[name], ours <= goals[name])
        for name, ours in medians.items()
    ]
