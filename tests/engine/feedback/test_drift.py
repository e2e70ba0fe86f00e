"""How a model fares: figures that can be counted by hand, and an alarm that rings for falls alone."""

from __future__ import annotations

import datetime
import json
import random
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from engine.browse.indexing import index_into
from engine.feedback.drift import fare_of, measure_drift
from engine.feedback.falls import standing_falls
from engine.feedback.judged import Judged, Outcome, judged_suggestions, site_names
from engine.feedback.statistics import fall_probability, holm, name_distance, sign_probability, wilson_interval
from engine.progress import NoProgress
from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore
from engine.suggest import ImageRef
from tests.clinic import KIDNEY, LIVER, SPLEEN, answer, decide_clinic, write_clinic

DAY = datetime.date(2026, 3, 2)
ONE = Judged("liver", "liver", "north", DAY, Outcome.ACCEPTED, 0.0, 1.0, 0.9, True, "starter")
BOX = Box(10, 10, 30, 30)


def rows(accepted: int, rejected: int, **more: object) -> list[Judged]:
    bad = replace(ONE, outcome=Outcome.REJECTED, name_distance=None, iou=None, right=False)
    return [replace(one, **more) for one in [ONE] * accepted + [bad] * rejected]


def image(number: int, folder: str = "/scans/a") -> ImageRef:
    place = Path(folder) / f"p{number}" / "ct"
    return ImageRef(place, f"1.{number}", "", "CT", Plane.AXIAL, 7, 64, 64, Window(40, 400), "a" * 64)


def test_figures_are_those_of_a_count_by_hand():
    edited = replace(ONE, outcome=Outcome.EDITED, name_distance=0.5, iou=0.5, probability=None, right=False)
    fare = fare_of([*rows(3, 1), edited])
    assert (fare.judged, fare.accepted, fare.edited, fare.rejected, fare.acceptance) == (5, 3, 1, 1, 0.6)
    assert fare.name_distance == pytest.approx(0.125)
    assert fare.iou == pytest.approx(3.5 / 4)
    assert fare.reliability.count == 4
    assert fare.reliability.ece == pytest.approx(0.15)
    assert fare_of([]).acceptance is None


def test_intervals_and_probabilities_are_the_published_ones():
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for (hits, total), wanted in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson_interval(hits, total) == pytest.approx(wanted, abs=5e-5)
    # Fisher's tea: all four right by chance 1/70; three or more 17/70.
    assert fall_probability((4, 4), (0, 4)) == pytest.approx(1 / 70)
    assert fall_probability((3, 4), (1, 4)) == pytest.approx(17 / 70)
    assert fall_probability((4, 4), (0, 0)) == 1
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_name_distances():
    assert name_distance("kitten", "sitting") == pytest.approx(3 / 7)
    assert name_distance("肝", "脾") == 1
    assert name_distance("", "ab") == 1
    assert name_distance("liver", "liver") == 0


def test_an_alarm_rings_for_the_label_that_fell_and_for_no_other():
    later = DAY + datetime.timedelta(days=7)
    before = rows(38, 2) + rows(30, 10, label="spleen", name="spleen")
    now = rows(6, 10, day=later) + rows(12, 4, day=later, label="spleen", name="spleen")
    drift = measure_drift([*before, *now])
    (alarm,) = drift.alarms
    assert (alarm.label, alarm.before, alarm.now) == ("liver", (38, 40), (6, 16))
    assert alarm.adjusted == pytest.approx(min(1, 2 * alarm.p))
    assert [window.fare.judged for window in drift.by_label["liver"].windows] == [40, 16]
    assert [window.first.toordinal() % 7 for window in drift.everything.windows] == [0, 0]
    json.dumps(drift.to_json())


def at(days: int) -> datetime.date:
    return DAY + datetime.timedelta(days=days)


@pytest.mark.parametrize("first", range(7), ids=lambda day: (DAY + datetime.timedelta(days=day)).strftime("%A"))
def test_an_alarm_stands_when_a_week_turns_and_when_another_label_is_judged(first: int):
    fallen = [*rows(100, 0, day=at(first)), *rows(2, 18, day=at(first + 1))]
    (alarm,) = measure_drift(fallen).alarms
    assert (alarm.before, alarm.now) == ((100, 100), (2, 20))
    for later in (2, 3, 9, 400):
        (alarm,) = measure_drift([*fallen, *rows(0, 1, day=at(first + later))]).alarms
        assert (alarm.before, alarm.now[0]) == ((100, 100), 2 if later < 8 else 1)
        (alarm,) = measure_drift([*fallen, *rows(1, 0, day=at(first + later), label="spleen")]).alarms
        assert (alarm.before, alarm.now) == ((100, 100), (2, 20))
        assert measure_drift([*fallen, *rows(2, 0, day=at(first + later))]).alarms, "two good ones are no recovery"


def test_an_alarm_goes_when_acceptance_recovers_and_a_second_fall_is_found():
    fallen = [*rows(100, 0), *rows(2, 18, day=at(1))]
    for later in (2, 8, 40):
        good = [*fallen, *rows(20, 0, day=at(1 + later))]
        assert measure_drift(good).alarms == ()
        assert measure_drift([*good, *rows(20, 0, day=at(2 + later))]).alarms == ()
        (alarm,) = measure_drift([*good, *rows(2, 18, day=at(2 + later))]).alarms
        assert (alarm.before, alarm.now) == ((120, 120), (2, 20)), "the first fall is not what is usual"
    # Day by day, with one rejection among them.
    slowly = [one for day in range(2, 8) for one in rows(4, day == 5, day=at(day))]
    assert [bool(measure_drift([*fallen, *slowly[:count]]).alarms) for count in (4, 12, len(slowly))] == [1, 1, 0]


def test_three_rejections_are_not_ended_by_three_acceptances():
    fallen = [*rows(100, 0), *rows(0, 3, day=at(1))]
    assert measure_drift(fallen).alarms
    assert measure_drift([*fallen, *rows(3, 0, day=at(2))]).alarms
    assert measure_drift([*fallen, *rows(10, 0, day=at(2))]).alarms == ()


def test_good_days_in_its_week_do_not_hide_a_fall():
    (alarm,) = measure_drift([*rows(20, 0), *rows(200, 0, day=at(10)), *rows(2, 6, day=at(12))]).alarms
    assert (alarm.before, alarm.now) == ((220, 220), (2, 8))
    # The order of the rows, by age of the region, is not that of the decisions.
    assert measure_drift([*rows(2, 6, day=at(12)), *rows(200, 0, day=at(10)), *rows(20, 0)]).alarms == (alarm,)


def test_few_decisions_and_a_rise_raise_no_alarm():
    later = DAY + datetime.timedelta(days=7)
    assert measure_drift([*rows(3, 0), *rows(0, 1, day=later)]).alarms == ()
    assert measure_drift([*rows(5, 30), *rows(30, 0, day=later)]).alarms == ()
    assert measure_drift(rows(0, 50)).alarms == ()
    assert measure_drift([]).alarms == ()


def test_a_window_may_be_longer_than_there_are_days():
    (window,) = measure_drift(rows(3, 1), window_days=10**9).everything.windows
    assert (window.first, window.last) == (datetime.date.min, datetime.date.max)


def test_false_alarms_are_as_rare_as_is_said():
    dice, rung, looks = random.Random(1), 0, 300
    later = DAY + datetime.timedelta(days=7)
    for _ in range(looks):
        every = []
        for label in "abcde":
            for day, count in ((DAY, 40), (later, 15)):
                accepted = sum(dice.random() < 0.7 for _ in range(count))
                every += rows(accepted, count - accepted, day=day, label=label)
        rung += bool(measure_drift(every).alarms)
    # 5 % of 300 is 15; the 99.9 % point of that binomial is 28.
    assert rung <= 28


def test_alarms_that_nothing_is_behind_do_not_pile_up():
    dice, stand, looks = random.Random(3), 0, 60
    for _ in range(looks):
        kept = {
            label: [(at(day), dice.random() < 0.9) for day in range(60) for _ in range(dice.randint(0, 6))]
            for label in "abcde"
        }
        stand += bool(standing_falls(kept, 7, 0.05))
    # 5 % of 60 is 3; the 99.9 % point of that binomial is 9.
    assert stand <= 9


def test_what_people_did_is_read_from_the_database(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:

        def drew(number: int, label=LIVER, **more):
            ((row, said),) = store.record_found(answer(image(number), label, BOX, **more), f"9.{number}", "ann")
            return row, said

        row, said = drew(0)
        store.accept(row.root_id, said.id, LIVER, "ann")
        row, said = drew(1)
        store.correct(row.root_id, SPLEEN, "ann", suggestion_id=said.id)
        row, said = drew(2)
        store.edits.edit_shape(row.root_id, Box(10, 10, 30, 50), "ann")
        row, said = drew(3)
        store.reject(row.root_id, "ann", said.id)
        # Not judged: undecided, deleted, accepted for the model's own word.
        drew(4)
        row, _ = drew(5)
        store.edits.delete([row.root_id], "ann")
        row, _ = drew(6)
        assert store.edits.accept_many([row.root_id], 0.5, "ann")
        # Asked about a box of the person's own, accepted under the second name.
        asked = answer(image(7), LIVER, BOX, 0.6, others=[(SPLEEN, 0.3)], task=Task.REGION_TO_TEXT, adapter="site-b")
        row, said = store.record_asked(asked, "9.7", BOX, "ann")
        store.accept(row.root_id, said.id, SPLEEN, "ann")
        # Named from the list, with an answer that came only afterwards.
        plain = store.draw_region(image(8), "9.8", BOX, "ann")
        store.edits.set_label([plain.root_id], KIDNEY, "ann")
        store.record_suggestion(asked, "9.8", plain.root_id)
        found = list(judged_suggestions(store))
    outcomes = [(one.outcome.value, one.name_distance, one.iou, one.right) for one in found]
    assert outcomes == [
        ("accepted", 0.0, 1.0, True),
        ("edited", pytest.approx(5 / 6), 1.0, False),
        ("edited", 0.0, pytest.approx(0.5), True),
        ("rejected", None, None, False),
        ("edited", pytest.approx(5 / 6), None, False),
    ]
    assert [one.model for one in found][-2:] == ["starter", "starter + site-b"]
    assert {one.label for one in found} == {"liver"}


def test_an_answer_about_a_box_that_was_found_is_judged_by_its_own_name(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:

        def asked_again(number: int, **more):
            ((row, drew),) = store.record_found(answer(image(number), LIVER, BOX, 0.7), f"9.{number}", "ann")
            again = replace(answer(image(number), SPLEEN, BOX, 0.9, task=Task.REGION_TO_TEXT, adapter="site-b"), **more)
            return row, drew, store.record_suggestion(again, f"9.{number}", row.root_id)

        # Its name is taken, its name is not, it names nothing, it is not sure, it came too late.
        row, _, again = asked_again(0)
        store.accept(row.root_id, again.id, SPLEEN, "ann")
        row, _, again = asked_again(1)
        store.correct(row.root_id, LIVER, "ann", suggestion_id=again.id)
        row, _, again = asked_again(2, candidates=(), regions=())
        store.accept(row.root_id, again.id, LIVER, "ann")
        row, _, again = asked_again(3, abstained=True)
        store.accept(row.root_id, again.id, LIVER, "ann")
        row, drew, _ = asked_again(4)
        store.accept(row.root_id, drew.id, LIVER, "ann")
        found = list(judged_suggestions(store))
    # Name, probability and model are of one answer, and only the one that drew the box is judged by it.
    assert [(one.name, one.probability, one.model, one.outcome.value, one.iou) for one in found] == [
        ("spleen", 0.9, "starter + site-b", "accepted", None),
        ("spleen", 0.9, "starter + site-b", "edited", None),
        ("liver", 0.7, "starter", "accepted", 1.0),
        ("liver", 0.7, "starter", "accepted", 1.0),
        ("liver", 0.7, "starter", "accepted", 1.0),
    ]


def test_judgements_of_a_day_come_as_they_were_made_and_not_by_age_of_the_region(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        drew = [store.record_found(answer(image(number), LIVER, BOX), f"9.{number}", "ann")[0] for number in range(3)]
        for (row, said), kept in zip(reversed(drew), (True, False, True), strict=True):
            if kept:
                store.accept(row.root_id, said.id, LIVER, "ann")
            else:
                store.reject(row.root_id, "ann", said.id)
        row, said = drew[2]
        store.correct(row.root_id, SPLEEN, "ann", suggestion_id=said.id)
        found = [one.outcome.value for one in judged_suggestions(store)]
    assert found == ["rejected", "accepted", "edited"]


def test_what_was_accepted_at_once_stays_so_when_it_is_done_again(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        ((row, said),) = store.record_found(answer(image(0), LIVER, BOX, 0.9), "9.0", "ann")
        (accepted,) = store.edits.accept_many([row.root_id], 0.5, "ann")
        for _ in range(2):
            store.revert(row.root_id, row.id, "ann")
            store.revert(row.root_id, accepted.id, "ann")
            assert list(judged_suggestions(store)) == []
        store.edits.lock([row.root_id], "ann")
        store.edits.unlock([row.root_id], "ann")
        assert list(judged_suggestions(store)) == []
        # Accepted by hand after all, undone and done again: a person's.
        store.revert(row.root_id, row.id, "ann")
        by_hand = store.accept(row.root_id, said.id, LIVER, "ann")
        store.revert(row.root_id, row.id, "ann")
        store.revert(row.root_id, by_hand.id, "ann")
        assert [one.outcome for one in judged_suggestions(store)] == [Outcome.ACCEPTED]


def test_what_was_undone_is_not_what_is_judged(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        ((row, drew),) = store.record_found(answer(image(0), LIVER, BOX, 0.7), "9.0", "ann")
        kept = store.accept(row.root_id, drew.id, LIVER, "ann")
        asked = answer(image(0), SPLEEN, BOX, 0.9, task=Task.REGION_TO_TEXT)
        again = store.record_suggestion(asked, "9.0", row.root_id)
        store.accept(row.root_id, again.id, SPLEEN, "ann")
        store.revert(row.root_id, kept.id, "ann")
        (one,) = judged_suggestions(store)
    assert (one.name, one.probability, one.outcome) == ("liver", 0.7, Outcome.ACCEPTED)


def test_names_in_one_language_alone_are_compared_in_that(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:

        def judged_as(number: int, suggested: Label, given: Label) -> Judged:
            said = replace(answer(image(number), suggested, BOX, task=Task.REGION_TO_TEXT), language=Language.ZH)
            row, kept = store.record_asked(said, f"9.{number}", BOX, "ann")
            store.accept(row.root_id, kept.id, given, "ann")
            return list(judged_suggestions(store))[-1]

        odd, own = Label("", "怪肾囊肿", ""), Label("own-odd", "怪肾囊肿", "怪肾囊肿")
        assert judged_as(0, odd, Label("", "怪肾结石", "")).name_distance == 0.5
        assert judged_as(1, LIVER, Label("", "肝囊肿", "")).name_distance == pytest.approx(2 / 3)
        # Put on the list of labels since, it has an id, and is the same name.
        same = judged_as(2, odd, own)
    assert (same.outcome, same.name_distance, same.right) == (Outcome.ACCEPTED, 0.0, True)


def test_sites_are_folders_that_hold_several_patients():
    two = {"/d/north/p1/ct": "a", "/d/north/p2/ct": "b", "/d/south/p3/ct": "c", "/d/south/p4/ct": "d"}
    assert site_names(two) == {place: place.split("/")[2] for place in two}
    patients = {"/d/p1/ct": "a", "/d/p1/mr": "a", "/d/p2/ct": "b", "/d/p2/mr": "b"}
    assert site_names(patients) == {}
    assert site_names({"/d/a.nii": "a", "/d/b.nii": "b"}) == {}
    assert site_names(two, [Path("/d/north")]) == {"/d/north/p1/ct": "north", "/d/north/p2/ct": "north"}
    assert site_names({}) == {}
    assert site_names({"/d/north-old/p1": "a"}, [Path("/d/north")]) == {}
    # A folder of files is a scan by itself; the innermost counts; two of one name are two.
    assert site_names({"/d/north": "a"}, [Path("/d/north/")]) == {"/d/north": "north"}
    given = [Path("/d/north"), Path("/d")]
    assert site_names(two, given) == site_names(two, given[::-1]) == {p: "north" if "north" in p else "d" for p in two}
    same = {"/a/ct/p1": "a", "/b/ct/p2": "b"}
    assert site_names(same, [Path("/a/ct"), Path("/b/ct")]) == {"/a/ct/p1": "/a/ct", "/b/ct/p2": "/b/ct"}


def test_the_institution_in_the_header_is_the_site_however_it_is_spelt(tmp_path: Path):
    scans = write_clinic(tmp_path, ["Okafor^Ada", "Lindqvist^Bo", "Meyer^Cem"])
    for scan, name in zip(scans, ("North Hospital", "NORTH  HOSPITAL", ""), strict=True):
        for file in scan.iterdir():
            dataset = pydicom.dcmread(file)
            dataset.InstitutionName = name
            dataset.save_as(file)
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        index_into(store, [tmp_path], NoProgress())
        decide_clinic(store, scans)
        drift = measure_drift(judged_suggestions(store))
        assert list(drift.by_site) == ["", "North Hospital"]
        assert drift.by_site["North Hospital"].whole.judged == 8
        south = measure_drift(judged_suggestions(store, [tmp_path / "2"]))
        assert {name: course.whole.judged for name, course in south.by_site.items()} == {"": 8, "2": 4}


def test_the_sign_test_gives_what_a_coin_gives():
    assert sign_probability(0, 0) == 1
    assert sign_probability(3, 3) == 1
    assert sign_probability(0, 5) == sign_probability(5, 0) == 2 / 32
    assert sign_probability(1, 5) == 2 * 7 / 64
