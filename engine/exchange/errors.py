"""What can go wrong with other people's formats."""

from engine.errors import MedRegAError


class ExchangeError(MedRegAError):
    """An export that cannot be made: the message names the scan and why."""
