"""The command line: thin verbs over the same calls as the window."""

from engine.cli.main import main

__all__ = ["main"]
