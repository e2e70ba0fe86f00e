"""What MedRegA is asked and what it answers: tasks, prompts, grammars, the parser.

The only place where boxes are a model's own integers.
"""

from engine.protocol.answer import parse_answer, write_located, write_sentences
from engine.protocol.choice import YES_NO
from engine.protocol.coordinates import MEDREGA_UNIT, BoxUnit, denormalize_box, normalize_box
from engine.protocol.grammar import answer_choices, answer_grammar
from engine.protocol.prompt import (
    IMAGE_MARKER,
    SYSTEM,
    PartKind,
    Prompt,
    PromptPart,
    preamble,
    prompt_from_user_text,
    question_text,
    render_prompt,
    require_whole,
    user_text,
)
from engine.protocol.syntax import NOT_PRESENT, absent_words
from engine.protocol.task import (
    Answer,
    AnswerForm,
    Grounding,
    Language,
    Located,
    ProtocolError,
    Question,
    Recognition,
    Section,
    SectionKind,
    Sentence,
    Task,
)
from engine.protocol.wording import X_RAY, default_grounding, image_phrase, modality_phrase, require_plain_name

__all__ = [
    "IMAGE_MARKER",
    "MEDREGA_UNIT",
    "NOT_PRESENT",
    "SYSTEM",
    "X_RAY",
    "YES_NO",
    "Answer",
    "AnswerForm",
    "BoxUnit",
    "Grounding",
    "Language",
    "Located",
    "PartKind",
    "Prompt",
    "PromptPart",
    "ProtocolError",
    "Question",
    "Recognition",
    "Section",
    "SectionKind",
    "Sentence",
    "Task",
    "absent_words",
    "answer_choices",
    "answer_grammar",
    "default_grounding",
    "denormalize_box",
    "image_phrase",
    "modality_phrase",
    "normalize_box",
    "parse_answer",
    "preamble",
    "prompt_from_user_text",
    "question_text",
    "render_prompt",
    "require_plain_name",
    "require_whole",
    "user_text",
    "write_located",
    "write_sentences",
]
