"""The verbs: one JSON document, clear errors, exit codes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from engine.asked import question_keywords
from engine.cli import main
from engine.labels import builtin_schemes
from engine.protocol import Language, Task, render_prompt
from engine.regions import Box, Label
from engine.runtime import ModelManifest, check_gguf, registry
from engine.scans import image_sha256, read_volume, render_slice
from engine.slice_question import word_question
from engine.store import AnnotationStore, RegionState
from engine.suggest import make_image_ref
from tests.engine.runtime.tiny_adapter import write_adapter


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def ct(phantom_series: Path) -> Path:
    return phantom_series / "dicom"


def test_scan_says_what_is_odd_about_a_series(phantom_series: Path, tmp_path: Path):
    series = Path(shutil.copytree(phantom_series / "dicom", tmp_path / "series"))
    (series / "CT0005.dcm").unlink()
    assert "note: 1 slices are missing, such as after CT0004.dcm" in run("scan", series).stdout
    (entry,) = json.loads(run("scan", series, "--json").stdout)["series"]
    (said,) = entry["notes"]
    assert (said["kind"], said["values"]) == ("missing-slices", {"count": "1", "file": "CT0004.dcm"})


def test_scan_lists_series_and_problems(pydicom_files: Path):
    report = json.loads(run("scan", pydicom_files / "CT_small.dcm", "--json").stdout)
    assert report["series"][0]["modality"] == "CT"
    assert report["series"][0]["columns"] == 128
    assert report["problems"] == []


def test_render_writes_the_very_pixels(ct: Path, tmp_path: Path):
    out = tmp_path / "slice.png"
    report = json.loads(run("render", ct, "--slice", 9, out, "--json").stdout)
    volume = read_volume(ct)
    rgb = render_slice(volume, volume.plane, 9)
    assert np.array_equal(np.asarray(Image.open(out)), rgb)
    assert report["sha256"] == image_sha256(rgb)


def test_suggest_names_what_is_in_a_box(ct: Path, tiny_model: Path, tmp_path: Path):
    out = tmp_path / "drawn.png"
    arguments = ("--slice", 9, "--box", "20,30,60,70", "--model", tiny_model)
    result = run("suggest", ct, *arguments, "--lang", "zh", "--annotated", out, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["task"], report["language"]) == ("region_to_text", "zh")
    assert report["image"] | {"sha256": 0, "window": 0, "path": 0} == {
        "path": 0,
        "plane": "axial",
        "slice": 9,
        "width": 128,
        "height": 128,
        "sha256": 0,
        "window": 0,
    }
    assert report["regions"][0]["box"] == [20, 30, 60, 70]
    probabilities = [candidate["probability"] for candidate in report["candidates"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.99 < sum(probabilities) <= 1
    assert report["raw"] == report["candidates"][0]["label_zh"]
    assert report["model"]["id"] == "tiny"
    assert len(report["model"]["sha256"]) == 64
    assert {"render", "encode", "prompt", "decode", "total"} == report["timings_ms"].keys()
    assert "<image>" in report["prompt"]
    assert Image.open(out).width >= 768


def test_suggest_finds_a_name_given_in_the_other_language(ct: Path, tiny_model: Path):
    result = run("suggest", ct, "--slice", 9, "--find", "liver", "--lang", "zh", "--model", tiny_model, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["task"] == "text_to_region"
    assert "<ref>肝脏</ref>" in report["prompt"]
    assert all(region["label"] == "liver" for region in report["regions"])


@pytest.mark.parametrize(
    ("arguments", "task", "asked"),
    [
        (["--ground", "liver", "--ground", "spleen"], "grounded_report", "of <ref>liver</ref>, <ref>spleen</ref>"),
        (["--ground"], "grounded_report", "the condition of each organ in this CT scan."),
        (["--ground", "--grounding", "lesion"], "grounded_report", "the condition of each lesion in this CT scan."),
        (["--ask", "What is it?"], "vqa", "What is it? Answer the question using a single word or phrase."),
        (["--ask", "Is it?", "--answer", "yes_no"], "vqa", "Is it? Answer"),
        (["--ask", "Which?", "--option", "a", "--option", "b"], "vqa", "\nA: a\nB: b\n"),
        (["--report"], "report", "Your task is report generation. You are given a CT image"),
        (["--diagnose", "cyst, mass"], "diagnosis", "The possible diagnoses are:\ncyst\nmass\n"),
        (["--diagnose", "liver,spleen", "--of", "organ"], "diagnosis", "The possible organs are:\nliver\n"),
        (
            ["--diagnose", "cyst,mass,None", "--several", "--none-label", "None"],
            "diagnosis",
            '"None" means no diseases are detected.',
        ),
    ],
)
def test_suggest_asks_every_task(ct: Path, tiny_model: Path, tmp_path: Path, arguments, task, asked):
    database = tmp_path / "a.sqlite"
    common = ("--slice", 9, "--model", tiny_model, "--save", "--db", database)
    result = run("suggest", ct, *arguments, *common, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["task"] == task
    assert asked in report["prompt"]
    # Nobody wrote down what the tiny model was trained on.
    assert "warnings" not in report
    # An untrained model's words may go in circles.
    cut = "medrega: the answer is not written as asked, or cut short: parts may be missing\n"
    assert result.stderr == (cut if report.get("malformed") else "")
    with AnnotationStore.open(database) as store:
        image = store.images.get(1)
        assert [(row.task, row.raw) for row in store.suggestions.of_image(image.id)] == [(task, report["raw"])]
        assert len(store.regions.of_image(image.id)) == len(report["regions"])
        if task not in ("region_to_text", "text_to_region"):
            (answer,) = store.answers.of_image(image.id)
            # Enough to ask it again, word for word.
            what = question_keywords(Task(task), answer.asked)
            volume = read_volume(ct)
            size = (image.height, image.width)
            labels = ModelManifest.read(tiny_model).labels()
            again = word_question(volume, size, labels, task=Task(task), language=Language.EN, **what)
            assert render_prompt(again).text == report["prompt"]
    assert run("suggest", ct, *arguments, "--slice", 9, "--model", tiny_model).exit_code == 0


def test_suggest_asks_in_two_passes_and_keeps_both(ct: Path, tiny_model: Path, tmp_path: Path):
    database = tmp_path / "a.sqlite"
    common = ("--slice", 9, "--model", tiny_model, "--save", "--db", database, "--json")
    question = ("--ask", "Is there a mass?", "--answer", "yes_no")
    result = run("suggest", ct, *question, "--cot", "own", "--cot-find", "liver", *common)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [one["task"] for one in report["cot"]["passes"]] == ["text_to_region", "vqa"]
    assert report["cot"]["passes"][1]["prompt"] == report["prompt"]
    with AnnotationStore.open(database) as store:
        kept = [row.prompt for row in store.suggestions.of_image(1)]
        assert kept == [one["prompt"] for one in report["cot"]["passes"]]
        # Regions that were only asked with are not for a person to decide.
        assert store.regions.of_image(1) == []
        (answer,) = store.answers.of_image(1)
        assert (answer.asked["text"], answer.asked["arm"], answer.asked["look_for"]) == (
            "Is there a mass?",
            "own",
            ["liver"],
        )
        assert answer.look.prompt == report["cot"]["passes"][0]["prompt"]
    boxes = ("--cot-box", "mass=10,10,30,30", "--cot-box", "mass=40,40,50,60")
    given = json.loads(run("suggest", ct, *question, "--cot", "given", *boxes, *common).stdout)
    assert given["cot"]["regions"] == [{"label": "mass", "boxes": [[10, 10, 30, 30], [40, 40, 50, 60]]}]
    random = json.loads(run("suggest", ct, *question, "--cot", "random", "--cot-seed", 5, *boxes, *common).stdout)
    (moved,) = random["cot"]["regions"]
    sizes = [(round(x2 - x1, 2), round(y2 - y1, 2)) for x1, y1, x2, y2 in moved["boxes"]]
    assert sizes == [(20, 20), (10, 20)]
    assert random["cot"]["seed"] == 5


def test_a_picture_is_asked_about_as_the_kind_of_image_it_is_said_to_be(tiny_model: Path, tmp_path: Path):
    picture = tmp_path / "chest.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8)).save(picture)
    common = ("--ground", "--model", tiny_model, "--json")
    plain = json.loads(run("suggest", picture, *common).stdout)
    assert "each organ in this medical image" in plain["prompt"]
    said = json.loads(run("suggest", picture, "--modality", "dx", *common).stdout)
    assert "each organ in this X-ray image" in said["prompt"]
    assert "You are given a chest x-ray image" in said["prompt"]


def test_the_regions_of_a_first_pass_are_printed(ct: Path, tiny_model: Path):
    boxes = ("--cot", "given", "--cot-box", "mass=10,10,30,30")
    result = run("suggest", ct, "--ask", "Is it?", "--answer", "yes_no", *boxes, "--model", tiny_model)
    assert result.stdout.splitlines()[0] == "asked with mass: [10.0, 10.0, 30.0, 30.0]"


def test_a_model_that_never_learnt_a_task_says_so(ct: Path, tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "tasks": ["text_to_region"]}), encoding="utf-8")
    result = run("suggest", ct, "--report", "--model", folder, "--json")
    assert result.exit_code == 0
    assert "was not trained on the task report" in result.stderr
    report = json.loads(result.stdout)
    assert report["abstained"]
    assert "was not trained on the task report" in report["warnings"][0]
    assert "trained" not in run("suggest", ct, "--find", "liver", "--model", folder).stderr


def test_adapters_are_listed_with_their_model_and_one_can_be_named(ct: Path, tiny_model: Path, tmp_path, monkeypatch):
    folders = (tmp_path / "models", tmp_path / "shipped")
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    shutil.copytree(tiny_model, folders[1] / "tiny")
    manifest = ModelManifest.read(folders[1] / "tiny")
    width = check_gguf(manifest.path("text")).values["llama.embedding_length"]
    write_adapter(folders[0] / "adapters" / "site-a", manifest, width=width)
    (row,) = json.loads(run("model", "list", "--json").stdout)
    assert [(one["id"], one["in_use"]) for one in row["adapters"]] == [("site-a", False)]
    assert "+ site-a" in run("model", "list").stdout
    question = ("suggest", ct, "--box", "20,30,60,70", "--model", "tiny", "--json")
    for options, adapter in (((), None), (("--adapter", "site-a"), "site-a"), (("--adapter", "none"), None)):
        assert json.loads(run(*question, *options).stdout)["model"]["adapter"] == adapter
    result = run(*question, "--adapter", "other")
    assert result.exit_code == 1
    assert "no adapter 'other': there are site-a" in result.stderr


def test_own_labels_are_the_only_candidates(ct: Path, tiny_model: Path, tmp_path: Path):
    by_id = {scheme.id: scheme for scheme in builtin_schemes()}
    labels = tmp_path / "labels.json"
    labels.write_text(
        '[{"id": "cat", "en": "cat", "zh": "猫"}, {"id": "dog", "en": "dog", "zh": "狗"}]', encoding="utf-8"
    )
    result = run("suggest", ct, "--box", "20,30,60,70", "--labels", labels, "--model", tiny_model, "--json")
    assert {one["label"] for one in json.loads(result.stdout)["candidates"]} == {"cat", "dog"}
    for allowed, names in (("liver,脾, a thing of mine", {"liver", "spleen", "a thing of mine"}), ("fundus", None)):
        result = run("suggest", ct, "--box", "20,30,60,70", "--labels", allowed, "--model", tiny_model, "--json")
        found = {one["label"] for one in json.loads(result.stdout)["candidates"]}
        assert found == (names or {entry.label.en for entry in by_id["fundus"]})


def test_saved_suggestions_are_in_the_database(ct: Path, tiny_model: Path, tmp_path: Path):
    database = tmp_path / "a.sqlite"
    arguments = ("--slice", 9, "--box", "20,30,60,70", "--model", tiny_model, "--save", "--db", database)
    assert run("suggest", ct, *arguments).exit_code == 0
    store = AnnotationStore.open(database)
    assert store.regions.current(1).box.as_tuple() == (20, 30, 60, 70)
    assert store.suggestions.of_region(1).model_id == "tiny"
    store.close()
    assert run("db", "check", "--db", database).exit_code == 0
    assert json.loads(run("db", "verify", "--db", database, "--json").stdout)["ok"] is True
    assert run("db", "backup", tmp_path / "copy.sqlite", "--db", database).exit_code == 0
    assert (tmp_path / "copy.sqlite").is_file()


@pytest.mark.parametrize("box", ["200,200,300,300", "100,100,200,120", "-20,0,10,10"])
def test_a_box_outside_the_image_is_an_error_and_writes_nothing(ct, tiny_model, tmp_path, box):
    database, out = tmp_path / "a.sqlite", tmp_path / "o.png"
    result = run(
        "suggest", ct, f"--box={box}", "--model", tiny_model, "--save", "--db", database, "--annotated", out, "--json"
    )
    assert result.exit_code == 1
    assert "does not lie inside the 128 x 128 image" in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "1,2,3"], "4 numbers"),
        (["--box", "5,5,1,1"], "empty"),
        (["--box", "1,1,5,5", "--lang", "fr"], "fr"),
        ([], "give one of --box"),
        (["--box", "1,1,5,5", "--find", "liver"], "give one of --box"),
        (["--ask", "Which?", "--report"], "give one of --box"),
        (["--find", "liver", "--option", "a"], "--option goes with --ask"),
        (["--find", "liver", "--several"], "--several goes with --diagnose"),
        (["--report", "--grounding", "lesion"], "--grounding goes with --ground"),
        (["--report", "--cot", "own"], "--cot goes with --ask or --diagnose"),
        (["--ask", "Which?", "--cot-find", "liver"], "--cot-find goes with --cot"),
        (["--ask", "Which?", "--cot", "given"], "--cot given needs --cot-box"),
        (["--ask", "Which?", "--cot", "own", "--cot-box", "a=1,1,5,5"], "--cot given or --cot random"),
        (["--ask", "Which?", "--cot", "given", "--cot-box", "1,1,5,5"], "not a name, an equals sign and a box"),
        (["--ask", "Which?", "--option", "a", "--option", "b", "--answer", "phrase"], "either --option or --answer"),
        (["--box", "1,1,5,5", "--window", "40,0"], "width"),
    ],
)
def test_wrong_arguments_exit_with_two(ct: Path, arguments: list[str], message: str):
    result = run("suggest", ct, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_slice_that_is_not_there_is_an_error(ct: Path, tiny_model: Path):
    result = run("suggest", ct, "--slice", 999, "--box", "1,1,9,9", "--model", tiny_model)
    assert result.exit_code == 1
    assert "not 999" in result.stderr


def test_an_unreadable_scan_is_named(tmp_path: Path):
    (tmp_path / "bad.dcm").write_bytes(b"nonsense")
    result = run("suggest", tmp_path / "bad.dcm", "--box", "1,1,9,9", "--json")
    assert result.exit_code == 1
    assert "bad.dcm" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x55"), "altered"),
    ],
    ids=["missing", "truncated", "tampered"],
)
def test_a_damaged_model_is_refused_with_a_remedy(ct, tiny_model, tmp_path, damage, message):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    damage(folder / "text-f32.gguf")
    database = tmp_path / "a.sqlite"
    result = run("suggest", ct, "--box", "1,1,90,90", "--model", folder, "--save", "--db", database, "--json")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "text-f32.gguf" in result.stderr
    assert result.stdout == ""
    assert not database.exists()
    assert run("model", "verify", folder).exit_code == 1


def test_an_unknown_model_lists_the_known_ones(ct: Path):
    result = run("suggest", ct, "--box", "1,1,9,9", "--model", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.stderr


def test_a_find_that_is_saved_can_be_decided_in_the_window(ct: Path, tiny_model: Path, tmp_path: Path, monkeypatch):
    database = tmp_path / "a.sqlite"
    monkeypatch.chdir(ct.parent)
    arguments = ("--slice", 9, "--find", "liver", "--find", "spleen", "--model", tiny_model, "--save", "--db", database)
    result = run("suggest", "dicom", *arguments, "--json")
    assert result.exit_code == 0, result.output
    regions = json.loads(result.stdout)["regions"]
    volume = read_volume(ct.resolve())
    with AnnotationStore.open(database) as store:
        assert store.suggestions.get(1).task == "text_to_region"
        image = store.images.find(volume.source, volume.series_uid, volume.plane, 9)
        kept = [] if image is None else store.regions.of_image(image.id)
        assert [list(row.box.as_tuple()) for row in kept] == [pytest.approx(one["box"], abs=1e-3) for one in regions]
        assert {row.state for row in kept} <= {RegionState.SUGGESTED}


def test_a_database_that_is_none_of_ours_gets_no_suggestion_and_no_picture(ct, tiny_model, tmp_path):
    database = tmp_path / "a.sqlite"
    database.write_bytes(b"the only copy of something else" * 40)
    before = database.read_bytes()
    arguments = ("--box", "20,30,60,70", "--model", tiny_model, "--save", "--db", database)
    result = run("suggest", ct, *arguments, "--annotated", tmp_path / "o.png", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(database) in result.stderr
    assert list(tmp_path.iterdir()) == [database]
    assert database.read_bytes() == before


def test_a_picture_that_cannot_be_written_saves_no_suggestion(ct, tiny_model, tmp_path):
    database = tmp_path / "a.sqlite"
    arguments = ("--box", "20,30,60,70", "--model", tiny_model, "--save", "--db", database)
    result = run("suggest", ct, *arguments, "--annotated", tmp_path / "nowhere" / "o.png", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_corrections_are_exported_as_one_document_says(ct: Path, tmp_path: Path):
    database, out = tmp_path / "a.sqlite", tmp_path / "o.jsonl"
    volume = read_volume(ct)
    image = make_image_ref(volume, volume.plane, 9, None, render_slice(volume, volume.plane, 9))
    with AnnotationStore.open(database) as store:
        region = store.draw_region(image, "1", Box(20, 30, 60, 70), "ann")
        store.correct(region.root_id, Label("liver", "liver", "肝脏"), "ann")
    result = run("export", "--format", "medreginstruct", out, "--db", database, "--json")
    assert json.loads(result.stdout) == {
        "format": "medreginstruct",
        "out": str(out),
        "images": 1,
        "regions": 1,
        "records": 4,
        "answers": 0,
        "left_out": 0,
    }
    assert len(out.read_text(encoding="utf-8").splitlines()) == 4


def test_an_altered_database_fails_verification_and_names_the_row(tmp_path: Path, ct: Path):
    database = tmp_path / "a.sqlite"
    volume = read_volume(ct)
    image = make_image_ref(volume, volume.plane, 9, None, render_slice(volume, volume.plane, 9))
    with AnnotationStore.open(database) as store:
        store.draw_region(image, "1", Box(20, 30, 60, 70), "ann")
    with sqlite3.connect(database) as forger:
        forger.execute("DROP TRIGGER region_no_update")
        forger.execute("UPDATE region SET x1 = 21")
    forger.close()
    result = run("db", "verify", "--db", database, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "database": str(database),
        "ok": False,
        "problems": ["region 1 is not what was written"],
    }
    assert "go back to a backup" in result.stderr


def test_the_demo_walks_the_whole_road(tiny_model: Path, tmp_path: Path):
    out = tmp_path / "demo.png"
    result = run("demo", "--folder", tmp_path / "demo", "--out", out, "--model", tiny_model)
    assert result.exit_code == 0, result.output
    assert "What is in the box" in result.stdout
    assert "肝脏" in result.stdout
    assert "Where are they?" in result.stdout
    assert "make run" in result.stdout
    assert "Not for diagnostic use" in result.stdout
    assert Image.open(out).width >= 768


def test_without_a_verb_the_window_opens(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    result = run()
    assert result.exit_code == 1
    assert "no display" in result.stderr


def test_exporting_from_no_database_says_so(tmp_path: Path):
    result = run("export", "--format", "medreginstruct", tmp_path / "o.jsonl", "--db", tmp_path / "none.sqlite")
    assert result.exit_code == 1
    assert "none.sqlite" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_verb_has_help_with_an_example():
    def walk(group: click.Group, path: tuple[str, ...]):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from walk(command, (*path, name))
            else:
                yield (*path, name)

    verbs = list(walk(main, ()))
    assert ("suggest",) in verbs
    for verb in verbs:
        result = run(*verb, "--help")
        assert result.exit_code == 0
        assert "Example: medrega" in result.stdout, verb


def test_doctor_reports_what_is_installed_and_how_fast_the_engine_is(tiny_model: Path):
    report = json.loads(run("doctor", "--model", tiny_model, "--json").stdout)
    assert report["packages"]["pydicom"]
    assert report["packages"]["llama-cpp-python"] == report["engine"]["version"] == "0.3.36"
    assert report["offload"]["all_layers"] > 1
    assert report["speed"]["rate"] > 0
    assert report["gpu_offload"] is bool(report["engine"]["gpus"])


def test_doctor_says_where_the_model_runs_and_what_to_do(tiny_model: Path):
    said = run("doctor", "--model", tiny_model, "--device", "cuda").stdout
    assert "engine built for" in said
    if "CUDA0" not in said:
        assert "Models run on the CPU" in said


def test_doctor_goes_on_without_a_model(tmp_path: Path):
    result = run("doctor", "--model", tmp_path / "none", "--json")
    report = json.loads(result.stdout)
    assert "no model" in report["model"]
    assert report["engine"]["features"]
    assert report["speed"] is None


def test_doctor_blames_a_models_file_and_not_the_engine_for_a_bad_header(tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    text = ModelManifest.read(folder).path("text")
    with text.open("r+b") as file:
        file.write(b"NOPE")
    report = json.loads(run("doctor", "--model", folder, "--json").stdout)
    (advice,) = report["advice"]
    assert text.name in advice
    assert report["engine"]["version"] == "0.3.36"
    assert (report["offload"], report["speed"]) == (None, None)


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folders = (tmp_path / "models", tmp_path / "shipped")
    monkeypatch.setattr("engine.runtime.registry.model_folders", lambda: folders)
    return folders[0] / "settings.json"


def test_where_models_run_is_chosen_once_and_for_one_question(ct: Path, tiny_model: Path, own_settings: Path):
    assert run("model", "device").stdout == "auto\n"
    assert json.loads(run("model", "device", "cpu", "--json").stdout) == {"device": "cpu"}
    assert run("model", "device").stdout == "cpu\n"
    report = json.loads(run("doctor", "--model", tiny_model, "--no-speed", "--json").stdout)
    assert report["device"] == "cpu"
    report = json.loads(run("doctor", "--model", tiny_model, "--no-speed", "--device", "auto", "--json").stdout)
    assert report["device"] == "auto"
    assert own_settings.is_file()


def test_how_keys_and_values_are_kept_is_chosen_for_all_models(ct: Path, tiny_model: Path, own_settings: Path):
    assert run("model", "kv").stdout == "f16\n"
    assert json.loads(run("model", "kv", "f32", "--json").stdout) == {"kv_type": "f32"}
    report = json.loads(run("doctor", "--model", tiny_model, "--no-speed", "--json").stdout)
    assert (report["offload"]["kv_type"], report["offload"]["flash"]) == ("f32", "off")
    run("model", "kv", "q8_0")
    report = json.loads(run("doctor", "--model", tiny_model, "--no-speed", "--json").stdout)
    assert (report["offload"]["kv_type"], report["offload"]["flash"]) == ("q8_0", "on")
    result = run("suggest", ct, "--find", "liver", "--model", tiny_model, "--json")
    assert result.exit_code == 0, result.output
    assert run("model", "kv", "q4_0").exit_code == 2
    assert run("model", "device").stdout == "auto\n"


def test_a_device_that_is_none_is_a_wrong_argument(ct: Path, own_settings: Path):
    result = run("suggest", ct, "--box", "20,30,60,70", "--device", "gpu")
    assert result.exit_code == 2
    assert "cuda:N" in result.stderr
    assert run("model", "device", "cuda:x").exit_code == 2
    assert not own_settings.exists()
