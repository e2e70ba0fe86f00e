"""The root of every error a person can act on."""


class MedRegAError(Exception):
    """Something a person can act on: the message names the object and the remedy.

    Each package derives its own (`ScanError`, `ModelError`, `StoreError` ...). Edges (a command, a slot,
    the child process) turn it into one message and one log line.
    """
