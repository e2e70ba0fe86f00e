"""Sentences that say no more of marked regions than their boxes tell: what, where, how many, how large."""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.protocol import Language
from engine.protocol.report import HEADINGS
from engine.protocol.task import SectionKind
from engine.regions import Box
from training.instruct.items import ImageFacts
from training.instruct.naming import Naming
from training.instruct.templates import prose


def place_of(box: Box, width: int, height: int, language: Language) -> str:
    """The ninth of the picture that a box's centre lies in. Left is the picture's left."""
    column = min(2, max(0, int(((box.x1 + box.x2) / 2 + 0.5) / width * 3)))
    row = min(2, max(0, int(((box.y1 + box.y2) / 2 + 0.5) / height * 3)))
    return prose(language).places[row][column]


def describe(boxes: Sequence[Box], width: int, height: int, language: Language, rng: random.Random) -> str:
    """A description for a grounded report, without the name. boxes : all of one label, the largest tells the place."""
    words = prose(language)
    template = rng.choice(words.one if len(boxes) == 1 else words.many)
    return template.format(**_slots(boxes, width, height, language))


def _slots(boxes: Sequence[Box], width: int, height: int, language: Language) -> dict[str, str]:
    largest = max(boxes, key=lambda box: box.area)
    share = round(100 * min(1.0, sum(box.area for box in boxes) / (width * height)))
    return {
        "place": place_of(largest, width, height, language),
        "count": str(len(boxes)),
        "share": str(share) if share else prose(language).small,
    }


def short_report(facts: ImageFacts, naming: Naming, findings: bool, language: Language, rng: random.Random) -> str:
    """A report of a picture that came without one, from its regions; "" where they tell nothing.

    findings : the picture was searched for findings only, so that none means "no finding".
    """
    words = prose(language)
    sentences = []
    present = facts.present()
    for key, boxes in present.items():
        template = rng.choice(words.report_one if len(boxes) == 1 else words.report_many)
        name = naming.name(key, language)
        sentence = template.format(name=name, **_slots(boxes, facts.width, facts.height, language))
        sentences.append(sentence[:1].upper() + sentence[1:])
    if not sentences:
        if not findings or facts.uncertain:
            return ""
        sentences = [words.report_none]
    lesions = [naming.name(key, language) for key in present if naming.is_finding(key)]
    impression = ""
    if lesions:
        joined = words.join.join(lesions)
        impression = words.impression.format(names=joined[:1].upper() + joined[1:])
    elif findings:
        impression = words.impression_none
    return join_report(words.space.join(sentences), impression, language)


def join_report(findings: str, impression: str, language: Language) -> str:
    """A report in MedRegA's form: its parts behind their headings, on one line."""
    headings = HEADINGS[language]
    parts = []
    if findings:
        parts.append(headings[SectionKind.FINDINGS] + findings)
    if impression:
        parts.append(headings[SectionKind.IMPRESSION] + impression)
    return prose(language).space.join(parts)
