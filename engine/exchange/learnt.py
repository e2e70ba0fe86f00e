"""What one judgement teaches: a question, what is right, and where both come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.protocol import Question
from engine.store import SuggestionRow


@dataclass(frozen=True, slots=True)
class Learnt:
    """provenance : of each region or answer that was judged, see `provenance_of`."""

    question: Question
    answer: str
    provenance: tuple[dict[str, Any], ...]


def provenance_of(decision: str, said: SuggestionRow | None) -> dict[str, Any]:
    """What a person decided, and which model had said something about it before, None if none had."""
    model = None if said is None else {"id": said.model_id, "sha256": said.model_sha256, "adapter": said.adapter}
    return {"decision": decision, "model": model}
