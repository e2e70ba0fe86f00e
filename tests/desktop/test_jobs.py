"""Background work: nothing of it gets lost on the way back."""

from __future__ import annotations

import time

from desktop.model.jobs import Job, JobRunner
from engine.errors import MedRegAError


def test_a_job_that_ends_at_once_is_still_heard(qtbot):
    """Callers connect after `start`: a job that began before that would be over unheard."""
    runner = JobRunner(2)
    heard: list[int] = []
    for number in range(100):
        job = runner.start(lambda job, number=number: number)
        # A busy GUI thread between the start and the connection.
        time.sleep(0.002)
        job.done.connect(heard.append)
    qtbot.waitUntil(lambda: len(heard) == 100, timeout=10_000)
    assert sorted(heard) == list(range(100))
    runner.stop()


def test_a_failure_that_comes_at_once_is_still_heard(qtbot):
    def fail(job: object) -> None:
        raise MedRegAError("no such scan")

    runner = JobRunner(1)
    job = runner.start(fail)
    time.sleep(0.02)
    heard: list[str] = []
    job.failed.connect(heard.append)
    qtbot.waitUntil(lambda: heard == ["no such scan"], timeout=10_000)
    runner.stop()


def test_a_stopped_runner_has_left_nothing_to_be_deleted_later(qtbot):
    """Its jobs once outlived it until the event loop came to them, and took the process with them."""
    runner = JobRunner(2)
    heard: list[int] = []
    for number in range(20):
        runner.start(lambda job, number=number: number).done.connect(heard.append)
    assert runner.findChildren(Job)
    runner.stop()
    assert not runner.findChildren(Job)


def test_a_stopped_runner_begins_nothing(qtbot):
    runner = JobRunner(1)
    begun: list[bool] = []
    runner.start(lambda job: begun.append(True))
    runner.stop()
    qtbot.wait(50)
    assert begun == []
