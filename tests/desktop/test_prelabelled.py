"""What `medrega prelabel` found waits in the window for a person, like what its own "find all" finds."""

from __future__ import annotations

from click.testing import CliRunner
from PySide6.QtCore import Qt

from desktop.model.slice_regions import UNDECIDED
from engine.cli import main
from engine.store import AnnotationStore, Origin, RegionState


def test_prelabelled_regions_wait_and_are_judged_with_a_key(open_window, tiny_model, phantom_series, tmp_path):
    database = tmp_path / "prelabelled.sqlite"
    words = ["--labels", "spleen", "--slices", "middle", "--db", database, "--model", tiny_model]
    result = CliRunner().invoke(main, ["prelabel", *map(str, [phantom_series / "dicom", *words])])
    assert result.exit_code == 0, result.output
    with AnnotationStore.open(database) as store:
        (listed,) = store.scans.of_path((phantom_series / "dicom").resolve())
        assert listed.open > 0
    driver = open_window(database=database)
    window = driver.window
    assert window.viewing.index == listed.start
    assert len(window._store.scans.of_path(listed.path)) == 1
    rows = window.regions.rows
    assert len(rows) == listed.open
    assert {(row.state, row.origin) for row in rows} == {(RegionState.SUGGESTED, Origin.MODEL)}
    assert all(row.state in UNDECIDED for row in rows)
    assert "suggested by the model" in window.regions_panel.list.item(0).text()
    window.regions.select(rows[0].root_id)
    driver.key(Qt.Key.Key_Return)
    driver.until(lambda: window.regions.region(rows[0].root_id).state is RegionState.ACCEPTED)
