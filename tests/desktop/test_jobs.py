"""Jobs tell everybody who listens."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject

from desktop.model.jobs import JobRunner


def test_a_job_that_is_done_at_once_still_tells_late_listeners(qtbot):
    owner = QObject()
    runner = JobRunner(2, owner)
    for _ in range(20):
        heard: list[object] = []
        job = runner.start(lambda job: 7)
        # Long enough for the work to be over if it had begun.
        time.sleep(0.005)
        job.done.connect(heard.append)
        job.finished.connect(lambda heard=heard: heard.append("finished"))
        job.finished.connect(lambda heard=heard: heard.append("finished"))
        qtbot.waitUntil(lambda heard=heard: heard == [7, "finished", "finished"], timeout=5000)
    runner.stop()


def test_a_stopped_runner_begins_nothing(qtbot):
    owner = QObject()
    runner = JobRunner(1, owner)
    done: list[int] = []
    runner.start(lambda job: done.append(1))
    runner.stop()
    qtbot.wait(50)
    assert done == []
