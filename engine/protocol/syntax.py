"""The marks in an answer: tags, box lists, the words for absence. Every repeat has only one way to match."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.protocol.coordinates import MEDREGA_UNIT, BoxUnit, NormalizedBox
from engine.protocol.task import Language, Located, Question, Task
from engine.regions import Box, RegionError

NOT_PRESENT = {Language.EN: "not present", Language.ZH: "未见"}
"""Our addition to MedRegA's syntax: the answer, in place of a box, for a name that is not in the image."""

COLON = {Language.EN: ": ", Language.ZH: "："}
"""What stands between a name and its description."""

BOX_TAG = "<box>"
"""What boxes begin with."""

MARKUP = re.compile(r"</?(?:box|quad|img)>|<IMG_CONTEXT>|<\|im_(?:start|end)\|>")
TAG = re.compile(rf"</?ref>|{MARKUP.pattern}")
REF = re.compile(r"<ref>([^<]*)</ref>")
_NUMBER = r"\s*[0-9]{1,4}\s*"
_ONE = rf"\[{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\]"
# Double or single brackets. No answer can make the search slow.
BOXES = re.compile(rf"\[\s*{_ONE}(?:\s*,\s*{_ONE})*\s*\]|{_ONE}")
ONE_BOX = re.compile(_ONE)
"""A single box's four numbers in their brackets."""
BOX_LIST = re.compile(rf"{BOX_TAG}(.*?)</box>")
"""A list of boxes with its tags; its group is what stands between them, which may be anything."""
_ANY_BRACKET = re.compile(r"\[[^\[\]]*\]?|\]")
ABSENT = re.compile("|".join(re.escape(words) for words in NOT_PRESENT.values()))
SEPARATORS = " \t\r\n,，;；:：。."


def absent_words(question: Question) -> str:
    """What an answer writes behind a name, in place of its boxes, where it is not there; "" where it cannot."""
    if question.names and question.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
        return COLON[question.language] + NOT_PRESENT[question.language]
    return ""


def read_boxes(text: str, question: Question, unit: BoxUnit = MEDREGA_UNIT) -> tuple[tuple[Box, ...], bool]:
    """The boxes of one match of `BOXES` in slice pixels, and whether all of its boxes are such.

    What is not four of the unit's integers with an area is left out.
    """
    boxes: list[Box] = []
    whole = True
    for one in ONE_BOX.findall(text):
        try:
            boxes.append(unit.read(_numbers(one), question.width, question.height))
        except RegionError:
            whole = False
    return tuple(boxes), whole


def box_numbers(text: str) -> list[NormalizedBox]:
    """The numbers of every box in a text, whatever stands between them."""
    return [_numbers(one) for one in ONE_BOX.findall(text)]


def _numbers(box: str) -> NormalizedBox:
    x1, y1, x2, y2 = (int(value) for value in re.findall("[0-9]+", box))
    return x1, y1, x2, y2


def tagged_boxes(boxes: Iterable[NormalizedBox]) -> str:
    """The canonical list: ``<box>[[x1, y1, x2, y2], [x1, y1, x2, y2]]</box>``."""
    return f"{BOX_TAG}[{', '.join(map(one_box, boxes))}]</box>"


def one_box(numbers: NormalizedBox) -> str:
    """``[x1, y1, x2, y2]``."""
    return f"[{', '.join(map(str, numbers))}]"


def has_bracket(text: str) -> bool:
    """Whether there is a rest of something that was to be a box."""
    return "[" in text or "]" in text


def plain(text: str) -> str:
    """One line without tags, brackets, and punctuation at its ends."""
    return " ".join(_ANY_BRACKET.sub(" ", TAG.sub("", text)).split()).strip(SEPARATORS)


def prose(text: str) -> str:
    """Free text without tags and boxes; brackets that hold no box, punctuation and lines stay."""
    lines = BOXES.sub(" ", TAG.sub("", text)).splitlines()
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def bare_name(text: str, asked: tuple[str, ...]) -> str:
    """The one asked name in a run of words (``The liver is at``); the words themselves if none or several are."""
    words = " ".join(_ANY_BRACKET.sub(" ", text).split()).strip(SEPARATORS)
    held = sorted((name for name in asked if name.casefold() in words.casefold()), key=len)
    if held and all(name in held[-1] for name in held):
        return held[-1]
    return words


def split_absent(text: str, asked: tuple[str, ...]) -> tuple[list[Located], str]:
    """The names that `text` says are absent, and the name left at its end, empty if there is none."""
    absent: list[Located] = []
    name = ""
    for piece in re.split("(?=<ref>)", text):
        tagged = REF.match(piece)
        if tagged:
            name = tagged.group(1).strip()
            piece = piece[tagged.end() :]
        *gone, last = ABSENT.split(TAG.sub("", piece))
        for words in gone:
            missing = name or bare_name(words, asked) or (asked[0] if len(asked) == 1 else "")
            if missing:
                absent.append(Located(missing, not_present=True))
            name = ""
        if not name:
            name = bare_name(last, asked)
    return absent, name
