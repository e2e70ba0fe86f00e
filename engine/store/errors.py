"""What can go wrong with the annotation database."""

from engine.errors import MedRegAError


class StoreError(MedRegAError):
    """The database cannot be opened, read or written: the message names the file and the remedy."""
