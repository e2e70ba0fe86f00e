"""Whole builds: what is written, that a killed one goes on, that patients and twins stay together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from engine.progress import Cancelled, NoProgress
from training.cli import dataset
from training.instruct.build import build_dataset
from training.instruct.check import check_dataset
from training.instruct.reading import read_lines
from training.instruct.spec import SPLITS, read_spec
from training.instruct.splits import quotas
from training.records import DatasetError, dataset_sha256, read_records
from training.samples import gather_samples

Noise = Callable[..., np.ndarray[Any, np.dtype[np.uint8]]]
_SPEC = """
name = "small"
[[sources]]
name = "boxes"
kind = "boxes_jsonl"
path = "${data}/index.jsonl"
licence = "CC0"
attribution = "nobody"
terms = "open"
modality = "CT"
"""


@pytest.fixture
def data(tmp_path: Path, noise: Noise) -> Path:
    """40 pictures of 20 patients with a liver, and some with a spleen."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = []
    for number in range(40):
        Image.fromarray(noise(number, 96, 80)).save(folder / f"{number}.png")
        regions = [{"label": "liver", "box": [8, 10, 48, 50]}]
        if number % 3 == 0:
            regions.append({"label": "spleen", "box": [60, 20, 80, 40]})
        lines.append({"image": f"{number}.png", "group": f"patient {number // 2}", "regions": regions})
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def spec_of(tmp_path: Path, text: str = _SPEC) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def build(tmp_path: Path, data: Path, text: str = _SPEC, out: str = "out", workers: int = 1) -> dict[str, Any]:
    return build_dataset(read_spec(spec_of(tmp_path, text), {"data": str(data)}), tmp_path / out, NoProgress(), workers)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_build_is_a_medreginstruct_set_that_the_trainer_and_the_check_read(tmp_path: Path, data: Path):
    card = build(tmp_path, data)
    out = tmp_path / "out"
    report = check_dataset([out], NoProgress())
    assert (report.errors, report.counts) == (0, {})
    assert report.records == sum(card["counts"][split]["records"] for split in SPLITS) > 200
    assert len(gather_samples([out / "train"])) == card["counts"]["train"]["images"]
    meta = json.loads((out / "meta.json").read_text())
    for entry in meta.values():
        assert entry["length"] == sum(1 for _ in read_records(out / entry["annotation"]))
        assert entry["data_augment"] is False
    assert {path.name for path in out.iterdir()} == {
        *SPLITS,
        "CARD.md",
        "card.json",
        "contact_sheet.png",
        "dataset.json",
        "meta.json",
        "splits.jsonl",
    }


def test_every_region_lies_beside_the_records_in_fractions(tmp_path: Path, data: Path):
    build(tmp_path, data)
    samples = gather_samples([tmp_path / "out" / "train"])
    assert all(sample.marked is not None for sample in samples)
    boxes = [box for sample in samples if sample.marked for _, box in sample.marked.boxes]
    assert boxes
    assert all(0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1 for x1, y1, x2, y2 in boxes)


def test_a_patient_is_in_one_split_and_every_split_is_recorded_and_hashed(tmp_path: Path, data: Path):
    card = build(tmp_path, data)
    out = tmp_path / "out"
    splits: dict[str, set[str]] = defaultdict(set)
    for line in read_lines([out]):
        splits[line.record().group].add(line.split)
    assert len(splits) == 20
    assert all(len(its) == 1 for its in splits.values())
    rows = [json.loads(line) for line in (out / "splits.jsonl").read_text().splitlines()]
    assert {row["group"]: {row["split"]} for row in rows} == splits
    assert card["counts"]["test"]["groups"] == 2
    assert card["sha256"]["test"] == dataset_sha256(out / "test")


def test_no_name_of_a_patient_or_a_file_is_in_the_set(tmp_path: Path, data: Path):
    build(tmp_path, data)
    for name, content in contents(tmp_path / "out").items():
        assert b"patient 1" not in content, name
        assert str(data).encode() not in content, name


def test_several_processes_build_the_same_set_as_one(tmp_path: Path, data: Path):
    build(tmp_path, data, out="one", workers=1)
    build(tmp_path, data, out="two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_finished_set_is_left_as_it_is(tmp_path: Path, data: Path):
    build(tmp_path, data)
    before = contents(tmp_path / "out")
    build(tmp_path, data)
    assert contents(tmp_path / "out") == before


def test_a_finished_set_is_not_overwritten_by_another_spec(tmp_path: Path, data: Path):
    build(tmp_path, data)
    with pytest.raises(DatasetError, match="of another spec"):
        build(tmp_path, data, _SPEC.replace('"small"', '"other"'))


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, data: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(DatasetError, match="is not empty"):
        build(tmp_path, data)


class _StopAfter(NoProgress):
    def __init__(self, times: int) -> None:
        self.left = times

    def report(self, done: int, total: int, what: str) -> None:
        self.left -= 1

    def cancelled(self) -> bool:
        return self.left <= 0


@pytest.mark.parametrize("times", [1, 17, 39, 70, 100])
def test_a_cancelled_build_goes_on_to_the_same_set(tmp_path: Path, data: Path, times: int):
    spec = read_spec(spec_of(tmp_path), {"data": str(data)})
    with pytest.raises(Cancelled):
        build_dataset(spec, tmp_path / "out", _StopAfter(times), 1)
    build(tmp_path, data)
    build(tmp_path, data, out="whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_lists_of_a_killed_build_that_nothing_is_written_to_do_not_stay(tmp_path: Path, masked: Path):
    """Killed while its lists appeared: all pictures of this spec go to train, so nobody writes those of test."""
    text = MASKS.replace("EXHAUSTIVE", "")
    with pytest.raises(Cancelled):
        build_dataset(read_spec(spec_of(tmp_path, text), {"data": str(masked)}), tmp_path / "out", _StopAfter(1), 1)
    (tmp_path / "out" / "test").mkdir()
    for name in ("regions.ndjson", "masks.json", "vqa.jsonl", "../organ_split.jsonl"):
        (tmp_path / "out" / "test" / name).write_text("left", encoding="utf-8")
    build(tmp_path, masked, text)
    build(tmp_path, masked, text, out="whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_stopped_build_refuses_another_spec(tmp_path: Path, data: Path):
    spec = read_spec(spec_of(tmp_path), {"data": str(data)})
    with pytest.raises(Cancelled):
        build_dataset(spec, tmp_path / "out", _StopAfter(5), 1)
    with pytest.raises(DatasetError, match="begun with another spec"):
        build(tmp_path, data, _SPEC.replace('"small"', '"other"'))


@pytest.mark.slow
def test_a_build_killed_at_any_time_goes_on_to_the_same_set(tmp_path: Path, data: Path):
    build(tmp_path, data, out="whole")
    command = [sys.executable, "-c", _PROGRAM, str(spec_of(tmp_path)), str(data), str(tmp_path / "out"), "0"]
    rng = np.random.default_rng(5)
    kills = 0
    for _ in range(40):
        began = time.monotonic()
        with subprocess.Popen(command, env=os.environ) as process:
            catalogue = tmp_path / "out" / ".build" / "catalogue.sqlite"
            while not catalogue.exists() and process.poll() is None and time.monotonic() - began < 60:
                time.sleep(0.01)
            time.sleep(float(rng.uniform(0, 0.25)))
            if process.poll() is not None:
                assert process.returncode == 0
                break
            process.send_signal(signal.SIGKILL)
            kills += 1
    build(tmp_path, data)
    assert kills > 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


_PROGRAM = """
import resource, sys
from pathlib import Path
from engine.progress import NoProgress
from training.instruct.build import build_dataset
from training.instruct.spec import read_spec
from training.records import DatasetError
largest = int(sys.argv[4])
if largest:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
try:
    build_dataset(read_spec(Path(sys.argv[1]), {"data": sys.argv[2]}), Path(sys.argv[3]), NoProgress(), 1)
except DatasetError as error:
    sys.exit(f"told: {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no largest size to set there")
@pytest.mark.parametrize("largest", [3_000, 40_000, 130_000])
def test_a_build_that_runs_out_of_room_says_so_and_goes_on_later(tmp_path: Path, data: Path, largest: int):
    command = [sys.executable, "-c", _PROGRAM, str(spec_of(tmp_path)), str(data), str(tmp_path / "out"), str(largest)]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("told: cannot"), failed.stderr
    build(tmp_path, data)
    build(tmp_path, data, out="whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_sources_on_other_terms_are_left_out_and_the_card_says_so(tmp_path: Path, data: Path):
    more = _SPEC[_SPEC.index("[[sources]]") :]
    text = _SPEC + more.replace('"boxes"', '"closed"').replace('"open"', '"non-commercial"')
    text += more.replace('"boxes"', '"wrong"') + 'leave_out = "its boxes are wrong"\n'
    card = build(tmp_path, data, text)
    assert [source["name"] for source in card["sources"]] == ["boxes"]
    assert {source["name"]: source["why"] for source in card["excluded"]} == {
        "closed": "its terms are non-commercial (CC0)",
        "wrong": "its boxes are wrong",
    }
    words = (tmp_path / "out" / "CARD.md").read_text()
    assert "source `wrong`: its boxes are wrong" in words
    assert "| boxes | boxes_jsonl | 40 | 20 | open | CC0 | nobody |" in words


def test_a_spec_that_allows_no_source_is_an_error(tmp_path: Path, data: Path):
    with pytest.raises(DatasetError, match="allows no source"):
        build(tmp_path, data, _SPEC.replace('"open"', '"unclear"'))


def test_unknown_labels_are_reported_with_how_often_they_were_met(tmp_path: Path, data: Path):
    path = data / "index.jsonl"
    path.write_text(path.read_text().replace("spleen", "spln"))
    card = build(tmp_path, data)
    assert card["unknown"] == [["boxes", "spln", 14]]
    assert "'spln', 14 times: no label is called so" in (tmp_path / "out" / "CARD.md").read_text()


def test_a_broken_picture_stops_the_build_and_is_named(tmp_path: Path, data: Path, noise: Noise):
    (data / "7.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"source boxes, line 8: .*7\.png.*skip_broken"):
        build(tmp_path, data)
    # Mended, the same command goes on.
    Image.fromarray(noise(7, 96, 80)).save(data / "7.png")
    assert build(tmp_path, data)["broken"] == []


def test_a_broken_picture_is_left_out_when_the_spec_says_so(tmp_path: Path, data: Path):
    (data / "7.png").write_bytes((data / "7.png").read_bytes()[:200])
    card = build(tmp_path, data, "skip_broken = true\n" + _SPEC)
    ((source, unit, why),) = card["broken"]
    assert (source, unit) == ("boxes", "line 8")
    assert "7.png" in why
    assert sum(card["counts"][split]["images"] for split in SPLITS) == 39


def test_patients_with_the_same_picture_share_a_split(tmp_path: Path, data: Path, noise: Noise):
    # Every patient has a picture of the next one, brighter and compressed: as a re-published data set has it.
    lines = []
    for number in range(12):
        Image.fromarray((noise(number, 96, 80) * 0.9).astype(np.uint8)).save(data / f"twin{number}.jpg", quality=80)
        regions = [{"label": "liver", "box": [8, 10, 48, 50]}]
        lines.append({"image": f"twin{number}.jpg", "group": f"other {number}", "regions": regions})
    (data / "twins.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    more = _SPEC[_SPEC.index("[[sources]]") :].replace('"boxes"', '"twins"').replace("index.jsonl", "twins.jsonl")
    card = build(tmp_path, data, _SPEC + more)
    assert card["duplicates"]["pairs"] == 12
    report = check_dataset([tmp_path / "out"], NoProgress())
    assert report.counts == {}


@pytest.mark.parametrize(
    ("patients", "expected"), [(1, (0, 0)), (2, (0, 0)), (4, (1, 0)), (10, (1, 1)), (100, (12, 8))]
)
def test_small_sources_keep_their_patients_and_larger_ones_share_them(tmp_path, patients: int, expected):
    text = "[splits]\nvalidation = 0.08\ntest = 0.12\n"
    spec = read_spec(spec_of(tmp_path, _SPEC.replace("[[sources]]", text + "[[sources]]", 1)), {"data": "x"})
    assert quotas(patients, spec.splits) == expected


def test_a_source_can_be_put_on_one_side(tmp_path: Path, data: Path):
    card = build(tmp_path, data, _SPEC + 'split = "test"\n')
    assert [card["counts"][split]["groups"] for split in SPLITS] == [0, 0, 20]


def test_grounded_reports_leave_their_split_by_organ_for_review(tmp_path: Path, picture):
    picture(tmp_path / "a.png")
    text = 'image,patient,findings,impression\na.png,1,"Heart is normal. No effusion.",Normal.\n'
    (tmp_path / "reports.csv").write_text(text, encoding="utf-8")
    spec = """
name = "reports"
[[sources]]
name = "iu"
kind = "report_table"
reports = "${data}/reports.csv"
root = "${data}"
image = "image"
group = "patient"
licence = "CC0"
terms = "open"
modality = "DX"
"""
    build(tmp_path, tmp_path, spec)
    rows = [json.loads(line) for line in (tmp_path / "out" / "organ_split.jsonl").read_text().splitlines()]
    assert [(row["sentence"], row["organs"], row["rule"]) for row in rows] == [
        ("Heart is normal.", ["heart"], "heart"),
        ("No effusion.", ["pleura"], "effusion"),
    ]
    (record,) = [one for _, one in read_records(tmp_path / "out" / "train" / "report.jsonl")]
    assert record.gpt == "Findings: Heart is normal. No effusion. Impression: Normal."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kind =", "kinds ="), "kind"),
        (('"open"', '"free"'), "terms"),
        (('"CC0"', '""'), "licence"),
        (("[[sources]]", "[[sources"), "not TOML"),
        (("name = ", "unknown = 1\nname = "), "unknown"),
        (("${data}", "${folder}"), "--set folder=VALUE"),
        (
            ('[[sources]]\nname = "boxes"', '[splits]\ntest = 0.95\n[[sources]]\nname = "boxes"'),
            "leave nothing for train",
        ),
    ],
)
def test_a_wrong_spec_is_named_with_its_setting(tmp_path: Path, change: tuple[str, str], message: str):
    with pytest.raises(DatasetError, match=message) as error:
        read_spec(spec_of(tmp_path, _SPEC.replace(*change, 1)), {"data": "x"})
    assert "spec.toml" in str(error.value)


def test_two_sources_cannot_share_a_name(tmp_path: Path):
    with pytest.raises(DatasetError, match="two sources are called 'boxes'"):
        read_spec(spec_of(tmp_path, _SPEC + _SPEC[_SPEC.index("[[sources]]") :]), {"data": "x"})


def test_the_verbs_build_check_and_count(tmp_path: Path, data: Path):
    run = CliRunner().invoke
    out = str(tmp_path / "out")
    arguments = [str(spec_of(tmp_path)), out, "--set", f"data={data}", "--workers", "1", "--json"]
    built = run(dataset, ["build", *arguments])
    assert built.exit_code == 0, built.output
    card = json.loads(built.stdout)
    checked = run(dataset, ["check", out, "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["errors"] == 0
    counted = run(dataset, ["card", out, "--json", "--pictures", "2"])
    assert json.loads(counted.stdout) == card
    with Image.open(tmp_path / "out" / "contact_sheet.png") as sheet:
        assert np.asarray(sheet).std() > 0


def test_the_shipped_spec_reads_every_source_that_it_names(shared_data: Path, naming):
    from training.instruct.sources import open_source

    recipe = Path(__file__).parents[3] / "training" / "recipes" / "real.toml"
    spec = read_spec(recipe, {"data": str(shared_data)})
    for settings in spec.used():
        source = open_source(settings, naming, spec.regions)
        image = next(source.read(next(source.units())))
        assert image.pixels.dtype == np.uint8
        assert not source.unknown, settings.name
    assert {settings.terms for settings in spec.used()} <= {"open", "share-alike"}


MASKS = """
name = "masked"
[[sources]]
name = "one"
kind = "mask_folders"
images = "${data}/images"
masks = "${data}/masks"
values = { 1 = "liver", 2 = "spleen" }
licence = "CC0"
terms = "open"
modality = "CT"
split = "train"
[[sources]]
name = "other"
kind = "mask_folders"
images = "${data}/others"
masks = "${data}/masks"
values = { 1 = "heart", 2 = "spleen" }
licence = "CC0"
terms = "open"
modality = "MR"
split = "train"
EXHAUSTIVE
"""


@pytest.fixture
def masked(tmp_path: Path, noise: Noise) -> Path:
    """Two sources whose masks' numbers mean different things, with pictures larger than they are kept."""
    folder = tmp_path / "masked"
    for name in ("images", "others", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        mask = np.zeros((160, 200), np.uint8)
        mask[20:80, 20 + number : 90], mask[100:140, 120:180] = 1, 2
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
        source = "images" if number < 3 else "others"
        Image.fromarray(noise(number, 200, 160)).save(folder / source / f"{number}.png")
    return folder


def test_masks_become_label_maps_that_a_dense_stage_learns_from(tmp_path: Path, masked: Path):
    pytest.importorskip("torch")
    from training.samples import MaskDataset

    build(tmp_path, masked, "max_side = 100\n" + MASKS.replace("EXHAUSTIVE", ""))
    train = tmp_path / "out" / "train"
    listed = json.loads((train / "masks.json").read_text(encoding="utf-8"))
    assert {tuple(entry["labels"]) for entry in listed.values()} == {("liver", "spleen"), ("heart", "spleen")}
    samples = gather_samples([train])
    assert len(samples) == 6
    maps = MaskDataset(samples, 56, seed=0)
    assert maps.values == {"heart": 1, "liver": 2, "spleen": 3}
    for sample in samples:
        assert sample.mask is not None
        whole = sample.mask.read(maps.values)
        with Image.open(sample.path) as picture:
            assert picture.size == (100, 80) == whole.shape[::-1]
        # Wherever a label's box is asked about, its map shows the label.
        assert set(np.unique(whole)) == {0, 3, 2 if "liver" in sample.mask.labels else 1}
        assert whole[60, 75] == 3
    assert not (tmp_path / "out" / "test" / "masks").exists()
    assert check_dataset([tmp_path / "out"], NoProgress()).errors == 0


def test_what_was_not_marked_exhaustively_has_no_label_map(tmp_path: Path, masked: Path):
    build(tmp_path, masked, MASKS.replace("EXHAUSTIVE", "exhaustive = false"))
    train = tmp_path / "out" / "train"
    listed = json.loads((train / "masks.json").read_text(encoding="utf-8"))
    assert len(listed) == 3
    assert {tuple(entry["labels"]) for entry in listed.values()} == {("liver", "spleen")}
    assert len(list((train / "masks").iterdir())) == 3


def test_a_dense_stage_runs_on_a_built_set(tmp_path: Path, masked: Path):
    pytest.importorskip("torch")
    from training.recipe import read_recipe
    from training.trainer import run_recipe

    build(tmp_path, masked, MASKS.replace("EXHAUSTIVE", ""))
    recipe = tmp_path / "dense.toml"
    recipe.write_text(
        '[model]\npreset = "tiny"\n[[stages]]\nname = "dense"\nkind = "dense"\ntrain = ["vision", "connector"]\n'
        "boxes = true\nsteps = 2\nimages_per_step = 4\nlearning_rate = 1e-3\nlog_every = 1\nbf16 = false\n",
        encoding="utf-8",
    )
    heard = []
    run_recipe(read_recipe(recipe), [tmp_path / "out" / "train"], tmp_path / "run", NoProgress(), listener=heard.append)
    assert [event.step for event in heard if event.event == "step"] == [1, 2]
