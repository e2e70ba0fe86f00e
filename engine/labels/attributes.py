"""What is said of a region beside its label: side, certainty, severity, a remark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from engine.labels.label import LabelError


class Laterality(StrEnum):
    """The side of the patient, never of the picture."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    MIDLINE = "midline"
    NOT_APPLICABLE = "n/a"


class Certainty(StrEnum):
    """How sure the annotator is."""

    DEFINITE = "definite"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


class Severity(StrEnum):
    """How grave the finding is."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


_ZH: dict[StrEnum, str] = {
    Laterality.LEFT: "左侧",
    Laterality.RIGHT: "右侧",
    Laterality.BILATERAL: "双侧",
    Laterality.MIDLINE: "中线",
    Laterality.NOT_APPLICABLE: "不适用",
    Certainty.DEFINITE: "肯定",
    Certainty.PROBABLE: "很可能",
    Certainty.POSSIBLE: "可能",
    Certainty.UNLIKELY: "不太可能",
    Severity.MILD: "轻度",
    Severity.MODERATE: "中度",
    Severity.SEVERE: "重度",
}

_Choice = TypeVar("_Choice", Laterality, Certainty, Severity)


def choice_name(choice: Laterality | Certainty | Severity, language: str) -> str:
    """How a choice is worded in `language` (``"en"`` or ``"zh"``)."""
    if language == "zh":
        return _ZH[choice]
    return "not applicable" if choice is Laterality.NOT_APPLICABLE else choice.value


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an annotator said of one region; None or "" where nothing was said, which is not the same as "n/a"."""

    laterality: Laterality | None = None
    certainty: Certainty | None = None
    severity: Severity | None = None
    text: str = ""

    def worded(self, language: str) -> str:
        """All of it in one line in `language`, empty when nothing was said."""
        choices = [c for c in (self.laterality, self.certainty, self.severity) if c is not None]
        parts = [choice_name(choice, language) for choice in choices] + ([self.text] if self.text else [])
        return ("，" if language == "zh" else ", ").join(parts)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no blanks, what was not said left out. Equal attributes give equal texts."""
        said = {
            "laterality": self.laterality,
            "certainty": self.certainty,
            "severity": self.severity,
            "text": self.text,
        }
        return json.dumps(
            {k: str(v) for k, v in said.items() if v}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )

    @classmethod
    def from_json(cls, text: str) -> Attributes:
        """Read what `to_json` wrote; `LabelError` names the field that is wrong or unknown."""
        try:
            said = json.loads(text)
        except json.JSONDecodeError as error:
            raise LabelError(f"the attributes {text!r} are not JSON: {error}") from error
        if not isinstance(said, dict):
            raise LabelError(f"the attributes {text!r} must be a JSON object")
        unknown = sorted(said.keys() - {"laterality", "certainty", "severity", "text"})
        if unknown:
            # Dropping them would lose what someone said.
            raise LabelError(f"the attributes {text!r} have the unknown field {unknown[0]!r}")
        remark = said.get("text", "")
        if not isinstance(remark, str):
            raise LabelError(f"the attributes {text!r} need a text for 'text'")
        return cls(
            _choice(Laterality, said, "laterality"),
            _choice(Certainty, said, "certainty"),
            _choice(Severity, said, "severity"),
            remark,
        )


def _choice(choices: type[_Choice], said: dict[str, Any], key: str) -> _Choice | None:
    if key not in said:
        return None
    for choice in choices:
        if said[key] == choice.value:
            return choice
    raise LabelError(f"the attribute {key!r} is {said[key]!r}: use {', '.join(c.value for c in choices)}")
