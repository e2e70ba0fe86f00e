"""Where the lock of a training run lies: a command holds it while it works on the run, a window while it deletes it."""

RUN_LOCK_FILE = ".run.lock"
"""In the run's folder; for `engine.locks.only_process`."""
