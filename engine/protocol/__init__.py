"""What MedRegA is asked and what it answers: tasks, prompts, grammars, the parser.

The only place where boxes are MedRegA's 0-999 integers.
"""

from engine.protocol.answer import parse_answer, write_located
from engine.protocol.coordinates import denormalize_box, normalize_box
from engine.protocol.grammar import NOT_PRESENT, answer_grammar
from engine.protocol.prompt import (
    IMAGE_MARKER,
    PartKind,
    Prompt,
    PromptPart,
    modality_phrase,
    prompt_from_user_text,
    render_prompt,
    require_plain_name,
    user_text,
)
from engine.protocol.task import Answer, Language, Located, ProtocolError, Question, Task

__all__ = [
    "IMAGE_MARKER",
    "NOT_PRESENT",
    "Answer",
    "Language",
    "Located",
    "PartKind",
    "Prompt",
    "PromptPart",
    "ProtocolError",
    "Question",
    "Task",
    "answer_grammar",
    "denormalize_box",
    "modality_phrase",
    "normalize_box",
    "parse_answer",
    "prompt_from_user_text",
    "render_prompt",
    "require_plain_name",
    "user_text",
    "write_located",
]
