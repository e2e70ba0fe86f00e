"""What can go wrong with models and with the process that runs them."""

from engine.errors import MedRegAError


class ModelError(MedRegAError):
    """Model files that cannot be used: missing, truncated, altered, or not what the manifest says."""


class MemoryShortError(ModelError):
    """A model does not fit into the memory of a GPU or of the computer."""


class EngineError(MedRegAError):
    """The model process failed: it died twice, did not answer in time, or could not start."""


class QuestionError(EngineError):
    """A question that the model cannot be asked as it is: too long, or with half a character in it."""
