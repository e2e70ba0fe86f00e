"""Runs verbs of `medrega feedback` in processes to be killed, for the test that kills them.

Run as a script. Each line on standard input is a JSON object: ``arguments`` of the verb, ``kill_at`` the so manieth use
of a file below ``folder`` at which the process kills itself (null for never). The answer is a line with the ``pid``,
and when that has ended one with its exit ``code`` (negative for a signal), how many ``files`` were used, and the
``children`` that it had when it killed itself. One import of torch serves all: each verb is a fork.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Run what is asked for."""
    import training.feedback.gate
    import training.feedback.promotion
    import training.feedback.snapshot
    from training.cli_feedback import feedback

    assert training.feedback.gate.run_gate, "imported now, not in each fork"
    for line in sys.stdin:
        said = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _run(feedback, said, writer)
        os.close(writer)
        _say({"pid": child})
        with os.fdopen(reader) as told:
            last = told.read().split()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        _say({"code": code, "files": int(last[0]) if last else 0, "children": [int(one) for one in last[1:]]})


def _run(feedback: Any, said: dict[str, Any], writer: int) -> None:
    # What it prints is no answer of ours.
    os.dup2(os.open(said["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    count = 0

    def tell() -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        os.write(writer, f"{count} {children}".encode())

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event.startswith(("open", "os.", "shutil.")) and any(said["folder"] in str(one) for one in arguments):
            count += 1
            if count == said["kill_at"]:
                tell()
                os.kill(os.getpid(), 9)

    sys.addaudithook(hook)
    code = 2
    try:
        code = feedback.main(said["arguments"], standalone_mode=False) or 0
    except Exception:
        logging.exception("the verb failed")
    finally:
        tell()
        os._exit(code)


def _say(document: dict[str, Any]) -> None:
    """One write."""
    os.write(1, (json.dumps(document) + "\n").encode())


if __name__ == "__main__":
    main()
