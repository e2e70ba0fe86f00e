"""Tasks move only as the state machine says, readers are blind until all have submitted, and time is told honestly."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.progress import Cancelled, NoProgress
from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.review import agreement_report, group_report
from engine.scans import Plane, Window
from engine.store import (
    AnnotationStore,
    Fixes,
    NewRegion,
    Origin,
    RegionState,
    StoreError,
    TaskAction,
    TaskRow,
    TaskState,
)
from engine.store.task_progress import PAUSE_SECONDS, active_seconds
from engine.store.task_rows import TRANSITIONS, next_state
from engine.suggest import ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
SCAN, UID = Path("/scans/ct"), "1.2.3"
IMAGE = ImageRef(SCAN, UID, "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
BOX = Box(10, 20, 100, 200)
ANSWER = Suggestion(
    task=Task.TEXT_TO_REGION,
    language=Language.EN,
    image=IMAGE,
    prompt="p",
    raw="r",
    text="t",
    regions=(SuggestedRegion("liver", "肝脏", "liver", BOX, 0.9),),
    candidates=(),
    not_present=(),
    abstained=False,
    malformed=False,
    model=ModelRef("starter", "b" * 64),
    timings_ms=SuggestTimings(1, 2, 3, 4, 10),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        for name in ("ann", "bob", "cy"):
            opened.tasks.add_annotator(name, "boss")
        yield opened
        assert opened.audit_problems() == []
        assert opened.integrity_problems() == []


def drawn(store: AnnotationStore, who: str, box: Box = BOX, label: Label | None = LIVER, image: ImageRef = IMAGE):
    return store.draw_region(image, "1", box, who, label=label)


def seen(store: AnnotationStore, who: str) -> list[int]:
    image = store.images.find(SCAN, UID, Plane.AXIAL, 7)
    return [row.root_id for row in store.readings.visible_regions(image.id, who)]


_task = TaskRow(1, "/scans/ct", "1", "ann", 1, TaskState.NEW, "", "", "")


@pytest.mark.parametrize(("state", "action"), list(itertools.product(TaskState, TaskAction)))
def test_what_is_not_in_the_state_machine_is_refused_and_says_what_is(state: TaskState, action: TaskAction):
    task = dataclasses.replace(_task, state=state)
    who = "ann" if action in (TaskAction.START, TaskAction.SUBMIT) else "bob"
    after = TRANSITIONS.get((state, action))
    if after is None:
        with pytest.raises(StoreError, match=f"is {state.value} and cannot be {action.value}: (it can be|nothing)"):
            next_state(task, action, who, "why")
    else:
        assert next_state(task, action, who, "why") is after


def test_a_reading_goes_from_new_to_reviewed_and_every_step_says_who_and_when(store: AnnotationStore):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    assert (task.state, task.reading, task.annotator) == (TaskState.NEW, 1, "ann")
    row = drawn(store, "ann")
    assert row.reading_id == task.id
    assert store.tasks.get(task.id).state is TaskState.LABELLING, "the first region begins the task"
    store.tasks.submit(task.id, "ann")
    store.tasks.return_task(task.id, "bob", "the cyst at the top is missing")
    assert store.tasks.next_task("ann").comment == "the cyst at the top is missing"
    drawn(store, "ann", Box(1, 2, 30, 40))
    store.tasks.submit(task.id, "ann")
    done = store.tasks.approve(task.id, "bob")
    assert (done.state, store.tasks.next_task("ann")) == (TaskState.REVIEWED, None)
    events = store.tasks.events(task.id)
    assert [(one.kind.value, one.who) for one in events] == [
        ("started", "ann"),
        ("submitted", "ann"),
        ("returned", "bob"),
        ("submitted", "ann"),
        ("approved", "bob"),
    ]
    assert [one.created for one in events] == sorted(one.created for one in events)
    assert [one.last_region_id for one in events] == [0, 1, 1, 2, 2]


def test_nobody_reviews_their_own_reading(store: AnnotationStore):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    store.tasks.start(task.id, "ann")
    with pytest.raises(StoreError, match="can be submitted by ann only, not by bob"):
        store.tasks.submit(task.id, "bob")
    store.tasks.submit(task.id, "ann")
    for review in (store.tasks.approve, lambda *a: store.tasks.return_task(*a, "no")):
        with pytest.raises(StoreError, match="its own annotator: ask somebody else"):
            review(task.id, "ann")
    with pytest.raises(StoreError, match="without a comment"):
        store.tasks.return_task(task.id, "bob", "  ")
    assert store.tasks.get(task.id).state is TaskState.SUBMITTED


@pytest.mark.parametrize("who", ["ann", "bob", "cy"])
def test_what_is_possible_is_what_is_not_refused(store: AnnotationStore, who: str):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    verbs = {
        TaskAction.START: store.tasks.start,
        TaskAction.SUBMIT: store.tasks.submit,
        TaskAction.APPROVE: store.tasks.approve,
        TaskAction.RETURN: lambda *args: store.tasks.return_task(*args, "why"),
        TaskAction.CANCEL: store.tasks.cancel,
    }
    for by, step in ((None, None), ("ann", "start"), ("ann", "submit"), ("cy", "approve")):
        if by:
            getattr(store.tasks, step)(task.id, by)
        possible = store.tasks.possible(store.tasks.get(task.id), who)
        for action, verb in verbs.items():
            if action not in possible:
                with pytest.raises(StoreError):
                    verb(task.id, who)
    assert set(store.tasks.possible(store.tasks.get(task.id), "cy")) == {TaskAction.RETURN}
    assert store.tasks.possible(store.tasks.get(task.id), "bob") == (), "who reads blind reviews nothing"


def test_who_still_reads_a_scan_blind_cannot_review_another_reading_of_it(store: AnnotationStore):
    one = store.tasks.assign(SCAN, UID, "ann", "boss")
    two = store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    store.tasks.start(one.id, "ann")
    store.tasks.submit(one.id, "ann")
    assert store.tasks.next_review("bob") is None
    assert store.tasks.next_review("cy").id == one.id
    with pytest.raises(StoreError, match="bob has a reading of the same scan to submit first"):
        store.tasks.approve(one.id, "bob")
    store.tasks.start(two.id, "bob")
    store.tasks.submit(two.id, "bob")
    assert store.tasks.next_review("bob").id == one.id
    assert store.tasks.approve(one.id, "bob").state is TaskState.REVIEWED


def test_a_scan_has_one_reader_a_reading(store: AnnotationStore):
    store.tasks.assign(SCAN, UID, "ann", "boss")
    for name, reading in (("bob", 1), ("ann", 2)):
        with pytest.raises(StoreError, match="reading 1 of ct is ann's"):
            store.tasks.assign(SCAN, UID, name, "boss", reading)
    with pytest.raises(StoreError, match="no annotator 'eve': add them"):
        store.tasks.assign(SCAN, UID, "eve", "boss", 2)
    with pytest.raises(StoreError, match="reading 0 cannot be"):
        store.tasks.assign(SCAN, UID, "bob", "boss", 0)
    with pytest.raises(StoreError, match="is ann's"):
        store.tasks.assign_many([("/scans/mr", "9"), (SCAN, UID)], "bob", "boss")
    assert len(store.tasks.all()) == 1, "all or none"


def test_a_task_nobody_began_can_be_given_to_another(store: AnnotationStore):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    store.tasks.cancel(task.id, "boss")
    assert store.tasks.assign(SCAN, UID, "bob", "boss").annotator == "bob"
    assert drawn(store, "ann").reading_id is None
    assert store.tasks.next_task("ann") is None


def test_what_was_returned_comes_first_then_what_was_begun_then_what_is_new(store: AnnotationStore):
    new, begun, returned = (store.tasks.assign("/scans/ct", str(n), "ann", "boss") for n in range(3))
    for task in (begun, returned):
        store.tasks.start(task.id, "ann")
    store.tasks.submit(returned.id, "ann")
    store.tasks.return_task(returned.id, "bob", "again")
    order = []
    while (task := store.tasks.next_task("ann")) is not None:
        order.append(task.id)
        if task.state is TaskState.NEW:
            store.tasks.start(task.id, "ann")
        store.tasks.submit(task.id, "ann")
    assert order == [returned.id, begun.id, new.id]
    assert [task.id for task in store.tasks.all("ann", [TaskState.SUBMITTED])] == [new.id, begun.id, returned.id]
    assert store.tasks.all("bob") == []


def test_without_tasks_everybody_sees_and_changes_everything(store: AnnotationStore):
    row = drawn(store, "ann")
    ((found, _),) = store.record_found(ANSWER, "1", "bob")
    assert row.reading_id is found.reading_id is None
    assert seen(store, "ann") == seen(store, "bob") == seen(store, "nobody") == [row.root_id, found.root_id]
    assert store.edits.set_label([row.root_id], SPLEEN, "bob")[0].label == SPLEEN
    assert not store.readings.is_blind(SCAN, UID, "ann")


def test_a_second_reader_sees_neither_the_first_nor_the_model_until_both_have_submitted(store: AnnotationStore):
    ((prelabelled, _),) = store.record_found(ANSWER, "1", "boss")
    earlier = drawn(store, "boss")
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    second = store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    assert store.readings.is_blind(SCAN, UID, "bob")
    assert not store.readings.is_blind(SCAN, UID, "ann")
    anns = drawn(store, "ann")
    assert store.readings.blind_scans("bob") == {(str(SCAN), UID)}
    assert store.readings.blind_scans("ann") == frozenset()
    everything = [prelabelled.root_id, earlier.root_id, anns.root_id]
    assert seen(store, "ann") == everything
    assert seen(store, "bob") == []
    bobs = drawn(store, "bob", label=SPLEEN)
    ((asked, _),) = store.record_found(ANSWER, "1", "bob")
    between = store.drawing.draw(NewRegion(IMAGE, "1", BOX, label=LIVER, origin=Origin.PROPAGATED), "bob")
    assert seen(store, "bob") == [bobs.root_id, between.root_id], "not even what he makes the model find"
    assert seen(store, "ann") == everything, "nor does the first reader see the second"
    store.tasks.submit(first.id, "ann")
    assert seen(store, "bob") == [bobs.root_id, between.root_id]
    assert seen(store, "ann") == everything, "nor what the second has not handed in"
    store.tasks.submit(second.id, "bob")
    both = [*everything, bobs.root_id, asked.root_id, between.root_id]
    assert seen(store, "ann") == seen(store, "bob") == seen(store, "boss") == both
    assert not store.readings.is_blind(SCAN, UID, "bob")
    assert store.readings.blind_scans("bob") == frozenset()


def test_a_second_reader_who_finishes_first_waits_for_the_other(store: AnnotationStore):
    ((prelabelled, _),) = store.record_found(ANSWER, "1", "boss")
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    second = store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    anns, bobs = drawn(store, "ann"), drawn(store, "bob", label=SPLEEN)
    store.tasks.submit(second.id, "bob")
    assert seen(store, "bob") == [bobs.root_id], "neither ann's half of a reading nor the model's"
    assert store.readings.is_blind(SCAN, UID, "bob")
    assert seen(store, "ann") == [prelabelled.root_id, anns.root_id]
    store.tasks.submit(first.id, "ann")
    assert seen(store, "bob") == seen(store, "ann") == [prelabelled.root_id, anns.root_id, bobs.root_id]


def test_whose_reading_is_returned_sees_the_reviewers_fixes_and_no_other_reading(store: AnnotationStore):
    ((prelabelled, _),) = store.record_found(ANSWER, "1", "boss")
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    second = store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    anns = drawn(store, "ann")
    kept, gone = (drawn(store, "bob", Box(10 * n, 20, 10 * n + 80, 90), SPLEEN) for n in (1, 2))
    for task in (first, second):
        store.tasks.submit(task.id, task.annotator)
    added = store.drawing.draw(NewRegion(IMAGE, "1", BOX, label=LIVER, reading_id=second.id), "cy")
    store.edits.set_label([kept.root_id], LIVER, "cy")
    store.edits.delete([gone.root_id], "cy")
    store.tasks.return_task(second.id, "cy", "look at the liver")

    assert seen(store, "bob") == [kept.root_id, added.root_id]
    assert store.regions.current(kept.root_id).label == LIVER, "as it was fixed"
    assert store.readings.is_blind(SCAN, UID, "bob")
    assert store.readings.blind_scans("bob") == {(str(SCAN), UID)}
    assert seen(store, "ann") == [prelabelled.root_id, anns.root_id], "nor does the other see what is being changed"
    assert not store.readings.is_blind(SCAN, UID, "ann"), "the first reader has the model's help"
    assert seen(store, "cy") == [prelabelled.root_id, anns.root_id, kept.root_id, added.root_id]
    mine = drawn(store, "bob", Box(200, 20, 300, 90))
    assert seen(store, "bob") == [kept.root_id, added.root_id, mine.root_id]
    store.tasks.submit(second.id, "bob")
    assert seen(store, "bob") == seen(store, "ann") == seen(store, "cy")


def test_a_reviewers_fixes_are_counted_and_what_they_took_back_is_none(store: AnnotationStore):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    same, other, gone = (drawn(store, "ann", Box(10 * n, 20, 10 * n + 80, 90)) for n in range(1, 4))
    assert store.readings.fixes(task.id) == Fixes()
    store.tasks.submit(task.id, "ann")
    store.edits.set_label([same.root_id, other.root_id], SPLEEN, "cy")
    store.edits.set_label([same.root_id], LIVER, "cy")
    store.edits.delete([gone.root_id], "cy")
    added = store.drawing.draw(NewRegion(IMAGE, "1", BOX, label=LIVER, reading_id=task.id), "cy")
    copy = store.drawing.duplicate(added.root_id, "cy")
    assert copy.reading_id == task.id
    store.edits.delete([copy.root_id], "cy")
    assert store.readings.fixes(task.id) == Fixes(changed=1, added=1, removed=1)
    store.tasks.return_task(task.id, "cy", "look again")
    store.edits.set_label([other.root_id], LIVER, "ann")
    assert store.readings.fixes(task.id) == Fixes(changed=1, added=1, removed=1), "what the reader does is no fix"
    store.tasks.submit(task.id, "ann")
    assert store.readings.fixes(task.id) == Fixes()


def test_only_a_reviewer_adds_to_a_reading_and_only_once_it_is_submitted(store: AnnotationStore):
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    drawn(store, "ann")
    store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    wanted = NewRegion(IMAGE, "1", Box(1, 2, 9, 9), label=LIVER, reading_id=task.id)
    with pytest.raises(StoreError, match="nothing can be added to reading 1 by ann, which is labelling"):
        store.drawing.draw(wanted, "cy")
    store.tasks.submit(task.id, "ann")
    for who in ("ann", "bob"):
        with pytest.raises(StoreError, match=r"stays as it is|without a reading of this scan"):
            store.drawing.draw(wanted, who)
    elsewhere = dataclasses.replace(IMAGE, path=Path("/scans/mr"))
    with pytest.raises(StoreError, match="nothing can be added"):
        store.drawing.draw(dataclasses.replace(wanted, image=elsewhere), "cy")
    assert store.drawing.draw(wanted, "cy").reading_id == task.id


def test_a_reader_who_decides_about_a_prelabelled_region_makes_it_theirs(store: AnnotationStore):
    ((found, answer),) = store.record_found(ANSWER, "1", "boss")
    task = store.tasks.assign(SCAN, UID, "ann", "boss")
    row = store.accept(found.root_id, answer.id, LIVER, "ann")
    assert (row.reading_id, store.tasks.get(task.id).state) == (task.id, TaskState.LABELLING)
    with pytest.raises(StoreError, match="belongs to reading 1 by ann, which is labelling"):
        store.edits.delete([found.root_id], "boss")


def test_a_submitted_reading_stays_as_it_is(store: AnnotationStore):
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    row, other = drawn(store, "ann"), drawn(store, "bob")
    with pytest.raises(StoreError, match="belongs to reading 1 by ann"):
        store.edits.set_label([row.root_id], SPLEEN, "bob")
    store.tasks.submit(first.id, "ann")
    for change in (
        lambda: drawn(store, "ann"),
        lambda: store.edits.delete([row.root_id], "ann"),
        lambda: store.revert(row.root_id, None, "ann"),
        lambda: store.drawing.duplicate(row.root_id, "ann"),
    ):
        with pytest.raises(StoreError, match="your reading of ct is submitted"):
            change()
    with pytest.raises(StoreError, match="belongs to reading 1 by ann"):
        store.edits.set_label([row.root_id], SPLEEN, "bob")
    assert store.edits.set_label([row.root_id], SPLEEN, "cy")[0].who == "cy", "a reviewer may"
    with pytest.raises(StoreError, match="belongs to reading 2 by bob"):
        store.edits.set_label([other.root_id], SPLEEN, "cy")


def test_agreement_is_that_of_the_readings_as_first_submitted(store: AnnotationStore):
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    second = store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    assert agreement_report(store) == []
    same = [drawn(store, who, box) for who in ("ann", "bob") for box in (BOX, Box(200, 20, 300, 200))]
    drawn(store, "ann", Box(1, 2, 9, 9))
    other = drawn(store, "bob", Box(400, 20, 500, 200))
    drawn(store, "ann", Box(400, 20, 500, 180), SPLEEN)
    gone = drawn(store, "ann", Box(300, 300, 310, 310))
    store.edits.delete([gone.root_id], "ann")
    store.record_found(ANSWER, "1", "ann")
    store.tasks.submit(first.id, "ann")
    store.tasks.submit(second.id, "bob")
    (pair,) = agreement_report(store)
    store.tasks.return_task(second.id, "cy", "see ann's")
    store.edits.set_label([other.root_id], SPLEEN, "bob")
    store.edits.delete([same[2].root_id], "bob")
    store.tasks.submit(second.id, "bob")
    assert agreement_report(store) == [pair], "what changed after they saw each other does not count"
    assert (pair.first, pair.second, pair.scans) == ("ann", "bob", 1)
    regions = pair.regions
    assert (regions.first, regions.second, regions.matched) == (4, 3, 3)
    assert regions.f1 == 6 / 7
    assert regions.label_agreement == 2 / 3
    assert pair.kappa.value == 0, "bob named everything liver: no agreement beyond chance"
    with pytest.raises(StoreError, match="was not submitted yet"):
        store.readings.as_submitted(store.tasks.assign("/scans/mr", "1", "ann", "boss").id)


def test_three_readers_agree_on_what_all_of_them_found(store: AnnotationStore):
    tasks = [store.tasks.assign(SCAN, UID, name, "boss", n) for n, name in enumerate(("ann", "bob", "cy"), start=1)]
    others = (Box(200, 20, 290, 200), Box(300, 20, 390, 200))
    for name, labels in (
        ("ann", (LIVER, SPLEEN, LIVER)),
        ("bob", (LIVER, SPLEEN, SPLEEN)),
        ("cy", (LIVER, LIVER)),
    ):
        for box, label in zip((BOX, *others), labels, strict=False):
            drawn(store, name, box, label)
    assert group_report(store) == []
    for task in tasks:
        store.tasks.submit(task.id, task.annotator)
    (group,) = group_report(store)
    assert (group.names, group.scans, group.kappa.subjects) == (("ann", "bob", "cy"), 1, 2), "cy has two of the three"
    # All three say liver of one, and two of three spleen of the other: (1 + 1/3) / 2 against (4/6)^2 + (2/6)^2.
    assert group.kappa.value == pytest.approx((2 / 3 - 5 / 9) / (1 - 5 / 9))
    assert len(agreement_report(store)) == 3


class _Stopped(NoProgress):
    def cancelled(self) -> bool:
        return True


@pytest.mark.parametrize("report", [agreement_report, group_report])
def test_a_report_can_be_cancelled(store: AnnotationStore, report):
    for number, name in enumerate(("ann", "bob", "cy"), start=1):
        task = store.tasks.assign(SCAN, UID, name, "boss", number)
        store.tasks.start(task.id, name)
        store.tasks.submit(task.id, name)
    with pytest.raises(Cancelled):
        report(store, progress=_Stopped())
    (group,) = group_report(store)
    assert group.kappa.undefined == "nothing was rated"


def test_progress_is_counted_by_reader_and_state(store: AnnotationStore):
    first = store.tasks.assign(SCAN, UID, "ann", "boss")
    store.tasks.assign("/scans/mr", "1", "ann", "boss")
    store.tasks.assign(SCAN, UID, "bob", "boss", reading=2)
    drawn(store, "ann")
    drawn(store, "ann", label=None)
    drawn(store, "cy", image=dataclasses.replace(IMAGE, path=Path("/scans/else")))
    store.tasks.submit(first.id, "ann")
    ann, bob, cy = store.progress.annotators()
    assert (ann.tasks[TaskState.NEW], ann.tasks[TaskState.SUBMITTED]) == (1, 1)
    assert (ann.work.regions, ann.work.decided) == (2, 1)
    assert ann.work.seconds > 0
    assert ann.work.seconds_per_region == ann.work.seconds / 2
    assert (bob.work.regions, bob.work.seconds_per_region, cy.work.regions) == (0, None, 1)
    project = store.progress.project()
    assert (project.total, project.submitted, project.reviewed) == (3, 1 / 3, 0)
    assert (project.regions, project.decided) == (3, 2)
    work = store.progress.of_task(first.id)
    assert (work.regions, work.decided, work.seconds) == (2, 1, ann.work.seconds)


def test_an_empty_project_has_no_share_that_is_done(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "empty.sqlite") as store:
        assert store.progress.project().submitted is None
        assert store.progress.annotators() == []


def test_pauses_of_more_than_five_minutes_are_not_work():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    at = [start + timedelta(seconds=s) for s in (0, 10, 310, 310 + 301, 700)]
    assert active_seconds(at) == 10 + 300 + 89
    assert active_seconds([]) == active_seconds([start]) == 0


@given(st.lists(st.integers(0, 10**6)))
def test_time_at_work_is_never_more_than_the_time_between_or_the_pause_for_each_gesture(seconds: list[int]):
    instants = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=one) for one in seconds]
    found = active_seconds(instants)
    assert found == active_seconds(reversed(instants))
    if seconds:
        assert 0 <= found <= min(max(seconds) - min(seconds), PAUSE_SECONDS * (len(seconds) - 1))


def test_an_annotator_is_added_once_and_needs_a_name(store: AnnotationStore):
    before = len(list(store.audit.all()))
    assert store.tasks.add_annotator("ann", "boss") == store.tasks.annotators()[0]
    assert len(list(store.audit.all())) == before
    with pytest.raises(StoreError, match="needs a name"):
        store.tasks.add_annotator(" ", "boss")
    with pytest.raises(StoreError, match="no task 99"):
        store.tasks.start(99, "ann")


def test_a_task_of_a_whole_folder_covers_each_series_in_it(store: AnnotationStore):
    task = store.tasks.assign(SCAN, "", "ann", "boss")
    assert drawn(store, "ann").reading_id == task.id
    assert drawn(store, "ann").state is RegionState.EDITED
