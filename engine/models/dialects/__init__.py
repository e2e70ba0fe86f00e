"""How each family of models is asked and writes boxes; one file a way of writing.

Boxes go in and come out in slice pixels, the program's one unit.
"""

from engine.models.dialects.base import Dialect
from engine.models.dialects.chat import ChatTemplate, ChatTurn
from engine.models.dialects.family import dialect_of, make_dialect

__all__ = ["ChatTemplate", "ChatTurn", "Dialect", "dialect_of", "make_dialect"]
