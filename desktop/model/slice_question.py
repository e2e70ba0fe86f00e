"""A question about a whole slice, as a person puts it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.asked import question_fields
from engine.protocol import AnswerForm, Grounding, Language, Located, Recognition, Task
from engine.regional_cot import Arm

COT_TASKS = (Task.VQA, Task.DIAGNOSIS)
"""What can be asked with regions (Regional CoT)."""


@dataclass(frozen=True, slots=True)
class SliceQuestion:
    """Of `task` what that task takes; see `engine.protocol.Question`, and `engine.regional_cot` for the last five.

    names : what a grounded report describes, everything when empty. given : boxes in slice pixels.
    """

    task: Task
    language: Language
    text: str = ""
    form: AnswerForm = AnswerForm.PHRASE
    options: tuple[str, ...] = ()
    several: bool = False
    none_label: str = ""
    recognition: Recognition = Recognition.DISEASE
    names: tuple[str, ...] = ()
    grounding: Grounding = Grounding.ORGAN
    arm: Arm = Arm.NONE
    look_for: tuple[str, ...] = ()
    given: tuple[Located, ...] = ()
    seed: int = 0

    def keywords(self) -> dict[str, Any]:
        """What `engine.suggest.suggest` takes for the task, beside the task and the language."""
        if self.task is Task.VQA:
            return {"text": self.text, "form": self.form, "options": self.options}
        if self.task is Task.DIAGNOSIS:
            return {
                "options": self.options,
                "several": self.several,
                "none_label": self.none_label,
                "recognition": self.recognition,
            }
        if self.task is Task.GROUNDED_REPORT:
            return {"names": self.names, "grounding": self.grounding}
        return {}

    def asked(self, found: tuple[Located, ...] = ()) -> dict[str, Any]:
        """The question as it is kept. found : the regions that it was asked with in the end."""
        return question_fields(
            self.task, self.keywords(), arm=self.arm, look_for=self.look_for, found=found, seed=self.seed
        )
