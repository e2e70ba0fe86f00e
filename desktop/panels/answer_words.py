"""What stands on an answer's card, in the interface's language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject

from engine.protocol import Language, SectionKind, Task
from engine.protocol.report import read_sections
from engine.regional_cot import Arm
from engine.report_lines import ReportLine
from engine.store import AnswerRow

_SHOWN = 5
_LONG = re.compile(r"([!-~]{24})(?=[!-~])")


def breakable(text: str) -> str:
    """The text with places to break its overlong words at: a label would be as wide as the longest of them."""
    return _LONG.sub("\\1\u200b", text)


class AnswerWords(QObject):
    """Makes the texts; knows no widget."""

    def asked(self, task: Task, asked: dict[str, Any]) -> str:
        """A question in a few words. asked : as `SliceQuestion.asked` gives it."""
        kinds = {
            Task.REPORT: self.tr("Report"),
            Task.GROUNDED_REPORT: self.tr("Grounded report"),
            Task.DIAGNOSIS: self.tr("Diagnosis"),
            Task.VQA: self.tr("Question"),
        }
        what = asked.get("text") or ""
        names = asked.get("names") or asked.get("options") or ()
        said = str(what) or kinds[task]
        joined = self.tr(", ").join(str(name) for name in names)
        arm = {
            Arm.OWN.value: self.tr("with the regions it found"),
            Arm.GIVEN.value: self.tr("with this slice's regions"),
            Arm.RANDOM.value: self.tr("with random regions"),
        }.get(str(asked.get("arm", "")), "")
        whole = self.tr("{0}: {1}").format(said, joined) if joined and not what else said
        return f"{whole} ({arm})" if arm else whole

    def warnings(self, answer: AnswerRow) -> list[str]:
        """What to know before one believes it."""
        said = []
        if not answer.trained:
            said.append(self.untrained(answer.suggestion.model_id))
        elif answer.suggestion.abstained:
            said.append(self.tr("Not sure. The best there is to say:"))
        if answer.malformed:
            said.append(self.tr("Not written as asked, or cut short: parts may be missing."))
        return said

    def untrained(self, model: str) -> str:
        """A model is asked what it never learnt."""
        return self.tr("{0} was not trained for this: do not rely on what it says.").format(model)

    def body(self, answer: AnswerRow) -> str:
        """What the model says, for all but grounded reports: those have lines."""
        said = answer.suggestion
        task, language = Task(said.task), Language(said.language)
        if said.candidates:
            chinese = language is Language.ZH
            rows = [f"{zh if chinese and zh else en}   {probability:.0%}" for en, zh, _, probability in said.candidates]
            return "\n".join(rows[:_SHOWN])
        if task is Task.REPORT:
            parts = read_sections(said.text)
            heads = {
                SectionKind.FINDINGS: self.tr("Findings"),
                SectionKind.IMPRESSION: self.tr("Impression"),
            }
            if len(parts) > 1:
                return "\n\n".join(f"{heads[part.kind]}\n{part.text}" for part in parts)
        return said.text or self.tr("(nothing was said)")

    def copied(self, answer: AnswerRow, lines: Sequence[ReportLine]) -> str:
        """The answer to be put elsewhere: never without whose it is and what it is not for."""
        said, verdict = answer.suggestion, answer.verdict
        text = verdict.text if verdict is not None and verdict.text else ""
        if not text and lines:
            text = "\n".join(line.text for line in lines)
        adapter = f" + {said.adapter}" if said.adapter else ""
        source = self.tr("By the model {0}").format(said.model_id + adapter)
        if verdict is not None and verdict.text:
            source = self.tr("By {0}, after the model {1}").format(verdict.who, said.model_id + adapter)
        warnings = [] if verdict is not None and verdict.text else self.warnings(answer)
        return "\n".join([text or self.body(answer), "", *warnings, f"{source}. {self.tr('Not for diagnostic use')}."])
