"""The parts of a free report."""

from __future__ import annotations

import re

from engine.protocol.task import Language, Section, SectionKind

HEADINGS = {
    Language.EN: {SectionKind.FINDINGS: "Findings: ", SectionKind.IMPRESSION: "Impression: "},
    Language.ZH: {SectionKind.FINDINGS: "影像诊断：", SectionKind.IMPRESSION: "影像结论："},
}
"""How MedRegA's reports head their parts. 影像诊断 is what is seen, 影像结论 what it means, as its prompt says."""

# Other headings are those of the reports it learnt from. A word in the midst of a sentence heads nothing.
_HEADING = re.compile(
    r"(?:^|(?<=[\n.。；;]))\s*(?:"
    r"(?P<findings>findings?|observations?|影像诊断|影像所见|检查所见|影像表现)"
    r"|(?P<impression>impressions?|conclusions?|影像结论|影响结论|诊断意见|诊断结论)"
    r")\s*[:：]",
    re.IGNORECASE,
)


def read_sections(text: str) -> tuple[Section, ...]:
    """The headed parts of a report in order; all of it is findings when it has no heading."""
    sections = []
    kind, start = SectionKind.FINDINGS, 0
    for match in [*_HEADING.finditer(text), None]:
        part = text[start : match.start() if match else len(text)].strip()
        if part:
            sections.append(Section(kind, part))
        if match:
            kind = SectionKind.FINDINGS if match.group("findings") else SectionKind.IMPRESSION
            start = match.end()
    return tuple(sections)
