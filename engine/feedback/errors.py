"""What can go wrong with what people decided, on its way to a better model."""

from engine.errors import MedRegAError


class FeedbackError(MedRegAError):
    """Decisions, or a folder made from them, that cannot be used: the message names them and the remedy."""
