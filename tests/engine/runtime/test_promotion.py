"""Which adapter is in use: switched while the model runs, taken back, and never lost by a kill."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.feedback.judges import KEPT_REPORT
from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Box, Label, LabelSet
from engine.runtime import (
    AskRequest,
    KvType,
    ModelError,
    Session,
    adapter_in_use,
    known_labels,
    list_adapters,
    promote_adapter,
    read_history,
    registry,
    roll_back,
    taught_labels,
)
from engine.runtime.adapter import AdapterManifest
from tests.engine.runtime.tiny_adapter import write_adapter

WHAT = Question(Task.REGION_TO_TEXT, Language.EN, 120, 100, box=Box(10, 10, 50, 60))
NAMES = ("liver", "left kidney", "spleen")


@pytest.fixture
def made(random_model, tmp_path, monkeypatch):
    """Three adapters of the model as runs leave them, not promoted."""
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path / "models", tmp_path / "shipped"))
    return [write_adapter(tmp_path / "runs" / f"feedback-{n}", random_model, seed=n) for n in range(3)]


def ask(session, picture, **how):
    return session.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES), **how)


def test_a_promoted_adapter_answers_from_the_next_opening_on_and_signs_its_answers(random_model, made, picture):
    with Session(random_model, threads=1, kv_type=KvType.F32) as session:
        plain = ask(session, picture)
        assert plain.adapter is None
        with Session(random_model, threads=1, kv_type=KvType.F32) as chosen:
            chosen.use_adapter(made[0])
            wanted = ask(chosen, picture)
    kept = promote_adapter(made[0], random_model, "ann")
    assert kept.folder != made[0].folder
    assert adapter_in_use(random_model) == kept
    with Session(random_model, threads=1, kv_type=KvType.F32, promoted=True) as session:
        found = ask(session, picture)
        assert found.choices == wanted.choices != plain.choices
        assert found.adapter == "feedback-0"
        assert session.ask_batch([AskRequest(1, picture, render_prompt(WHAT), None, NAMES)])[0].adapter == "feedback-0"
    with Session(random_model, threads=1, kv_type=KvType.F32) as bare:
        assert ask(bare, picture).choices == plain.choices


def test_a_running_session_switches_and_switches_back_exactly(random_model, made, picture):
    with Session(random_model, threads=1, kv_type=KvType.F32, promoted=True) as session:
        plain = ask(session, picture)
        pid = session.pid
        promote_adapter(made[0], random_model, "ann")
        first = ask(session, picture)
        promote_adapter(made[1], random_model, "ann")
        second = ask(session, picture)
        roll_back(random_model, "ann")
        again = ask(session, picture)
        roll_back(random_model, "ann")
        last = ask(session, picture)
        assert session.pid == pid
    assert [one.adapter for one in (plain, first, second, again, last)] == [
        None,
        "feedback-0",
        "feedback-1",
        "feedback-0",
        None,
    ]
    assert len({one.choices for one in (plain, first, second)}) == 3
    assert (again.choices, last.choices) == (first.choices, plain.choices)


def test_what_a_person_chose_holds_until_the_next_promotion(random_model, made, picture):
    promote_adapter(made[0], random_model, "ann")
    with Session(random_model, threads=1, kv_type=KvType.F32, promoted=True) as session:
        session.use_adapter(made[2])
        assert ask(session, picture).adapter == "feedback-2"
        assert ask(session, picture).adapter == "feedback-2"
        promote_adapter(made[1], random_model, "ann")
        assert ask(session, picture).adapter == "feedback-1"


def test_one_question_can_be_asked_of_another_adapter(random_model, made, picture):
    with Session(random_model, threads=1, kv_type=KvType.F32) as session:
        plain = ask(session, picture)
        other = ask(session, picture, adapter=made[1])
        assert (other.adapter, session.adapter) == ("feedback-1", None)
        assert other.choices != plain.choices
        assert ask(session, picture).choices == plain.choices


def test_rolling_back_goes_back_step_by_step_or_to_the_base_at_once(random_model, made):
    with pytest.raises(ModelError, match="nothing to go back from"):
        roll_back(random_model, "ann")
    for one in made:
        promote_adapter(one, random_model, "ann")
    assert roll_back(random_model, "bob", reason="worse").id == "feedback-1"
    assert roll_back(random_model, "bob").id == "feedback-0"
    promote_adapter(made[2], random_model, "ann")
    assert roll_back(random_model, "bob").id == "feedback-0"
    promote_adapter(made[1], random_model, "ann")
    assert roll_back(random_model, "bob", to_base=True) is None
    assert adapter_in_use(random_model) is None
    history = read_history()
    assert [one.action for one in history] == [
        *["promote"] * 3,
        "rollback",
        "rollback",
        "promote",
        "rollback",
        "promote",
        "rollback",
    ]
    assert (history[3].who, history[3].reason) == ("bob", "worse")


def test_what_was_judged_again_is_kept_with_its_new_report(random_model, made):
    """Else the copy beside the others, and whoever gets it in a bundle, would still say that it did not pass."""
    source = replace(made[0], scores={"gate_passed": False})
    source.write()
    promote_adapter(source, random_model, "ann", reason="to try it")
    roll_back(random_model, "ann")
    judged = replace(source, scores={"gate_passed": True})
    judged.write()
    (source.folder / KEPT_REPORT).write_text('{"passed": true}', encoding="utf-8")
    kept = promote_adapter(judged, random_model, "ann")
    assert kept.folder != source.folder
    assert kept.scores == adapter_in_use(random_model).scores == {"gate_passed": True}
    assert (kept.folder / KEPT_REPORT).read_text(encoding="utf-8") == '{"passed": true}'
    kept.verify()


def test_what_is_in_use_is_not_promoted_again_nor_is_another_models(random_model, made, make_model):
    promote_adapter(made[0], random_model, "ann")
    with pytest.raises(ModelError, match="in use already"):
        promote_adapter(made[0], random_model, "ann")
    other = make_model(3)
    with pytest.raises(ModelError, match="another model"):
        promote_adapter(made[1], other, "ann")
    assert adapter_in_use(other) is None


@pytest.mark.parametrize("how", ["altered", "dropped", "cut", "torn"])
def test_a_history_that_was_tampered_with_is_an_error(random_model, made, tmp_path, how):
    for one in made:
        promote_adapter(one, random_model, "ann")
    path = tmp_path / "models" / "adapters" / "history.json"
    said = json.loads(path.read_text())
    if how == "altered":
        said["switches"][0]["who"] = "eve"
    elif how == "dropped":
        del said["switches"][1]
    elif how == "cut":
        del said["switches"][2]
    path.write_text(json.dumps(said) if how != "torn" else path.read_text()[:-40])
    with pytest.raises(ModelError, match=r"history\.json"):
        adapter_in_use(random_model)


def test_an_altered_adapter_is_never_replaced_by_the_base_in_silence(random_model, made, picture):
    kept = promote_adapter(made[0], random_model, "ann")
    kept.path.write_bytes(kept.path.read_bytes()[:-1] + b"x")
    with (
        Session(random_model, threads=1, promoted=True) as session,
        pytest.raises(ModelError, match="was altered"),
    ):
        ask(session, picture)
    assert roll_back(random_model, "ann") is None
    with Session(random_model, threads=1, promoted=True) as session:
        assert ask(session, picture).adapter is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_a_kill_at_any_step_of_a_promotion_leaves_the_old_adapter_in_use(random_model, made, tmp_path):
    old = promote_adapter(made[0], random_model, "ann")
    steps = 0
    while True:
        pid = os.fork()
        if not pid:
            # Nothing of pytest may run in the child, whatever happens.
            try:
                die_at(steps, tmp_path / "models")
                promote_adapter(made[1], random_model, "ann")
            finally:
                os._exit(0)
        if os.waitpid(pid, 0)[1] == 0:
            break
        in_use = adapter_in_use(random_model)
        assert in_use is not None
        in_use.verify()
        # The last things it does, after the switch, are to look for temporary files that are gone.
        assert in_use == old or len(read_history()) == 2
        assert {one.id for one in list_adapters(random_model)} <= {"feedback-0", "feedback-1"}
        if in_use != old:
            break
        steps += 1
    assert steps > 10
    assert adapter_in_use(random_model).id == "feedback-1"


def die_at(step: int, folder: Path) -> None:
    """Kill this process at its so manieth use of a file below a folder."""
    left = [step]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(("open", "os.", "shutil.")) and any(str(folder) in str(one) for one in arguments):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), 9)

    sys.addaudithook(hook)


def test_a_name_may_be_wherever_its_model_or_the_adapter_met_it(random_model, made):
    own = LabelSet(
        [
            Label("a", "liver", "肝", modalities=("CT",)),
            Label("b", "spleen", "脾"),
            Label("c", "mass", "肿块", modalities=("CT",)),
            Label("d", "cyst", "囊肿", modalities=("CT",)),
        ]
    )
    taught = (
        Label("a", "liver", "肝", modalities=("US",)),
        Label("b", "spleen", "脾", modalities=("US",)),
        Label("c", "mass", "肿块"),
        Label("e", "polyp", "息肉", modalities=("ES",)),
    )
    found = {one.id: one.modalities for one in taught_labels(own, taught)}
    assert found == {"a": ("CT", "US"), "b": (), "c": (), "d": ("CT",), "e": ("ES",)}


def test_patients_of_a_name_are_those_of_its_model_and_its_adapter():
    own = LabelSet(
        [
            Label("a", "liver", "肝", modalities=("CT",), patients=(("CT", 2),)),
            Label("b", "spleen", "脾", modalities=("CT",), patients=(("CT", 5),)),
            Label("d", "cyst", "囊肿", modalities=("CT",), patients=(("CT", 6),)),
            Label("e", "mass", "肿块", modalities=("CT",)),
            Label("f", "stone", "结石", modalities=("CT",), patients=(("CT", 8),)),
        ]
    )
    taught = (
        Label("a", "liver", "肝", modalities=("CT", "US"), patients=(("CT", 3), ("US", 4))),
        # Of adapters that do not say: of no other patients' kind, and of another.
        Label("b", "spleen", "脾", modalities=("CT",)),
        Label("d", "cyst", "囊肿", modalities=("US",)),
        Label("f", "stone", "结石"),
        # Of a model that does not.
        Label("e", "mass", "肿块", modalities=("CT",), patients=(("CT", 2),)),
        Label("c", "polyp", "息肉", modalities=("ES",), patients=(("ES", 7),)),
    )
    found = {one.id: one.patients for one in taught_labels(own, taught)}
    assert found == {"a": (("CT", 5), ("US", 4)), "b": (("CT", 5),), "c": (("ES", 7),), "d": (), "e": (), "f": ()}


def test_names_that_an_adapter_was_taught_come_after_the_models_own(random_model, made):
    odd = Label("own-odd", "odd spot", "怪斑")
    folder = made[0].folder
    AdapterManifest(
        "feedback-0", "A", random_model.sha256, folder, made[0].file, labels=(odd, Label("x", "liver", "x"))
    ).write()
    adapter = AdapterManifest.read(folder)
    names = [label.en for label in known_labels(random_model, adapter)]
    assert names == [*(label.en for label in random_model.labels()), "odd spot"]
    with Session(random_model) as session:
        session.use_adapter(adapter)
        assert session.adapters.labels(None).find("odd spot") is None
        assert session.adapters.labels(adapter).find("怪斑") == odd
