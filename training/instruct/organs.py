"""Which organs a report's sentence is about: by words, with what decided kept beside it, so that people can review it.

A reviewed file is used in place of the rules for the sentences that it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.protocol import Language
from training.instruct.naming import Naming
from training.instruct.templates import organ_words
from training.records import DatasetError

_ENDS = {Language.EN: re.compile(r"(?<=[.!?;])\s+"), Language.ZH: re.compile(r"(?<=[。；！？;])")}


@dataclass(frozen=True, slots=True)
class OrganSentence:
    """A sentence with the label ids that it is about. rule : the words that decided, or "reviewed"."""

    text: str
    language: Language
    organs: tuple[str, ...]
    rule: str

    def to_json(self) -> str:
        """A line of the file for review."""
        data = {"sentence": self.text, "language": self.language, "organs": self.organs, "rule": self.rule}
        return json.dumps(data, ensure_ascii=False)


def split_report(
    text: str, language: Language, reviewed: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[OrganSentence, ...]:
    """The sentences of a report with their organs, none where no word tells.

    The longest words count first and use up their place: "left lung" is not about lungs in general, 肾上腺 not about
    a kidney. reviewed : organs of sentences that a person has decided on.
    """
    sentences = []
    for sentence in _ENDS[language].split(text.strip()):
        sentence = sentence.strip()
        if not sentence:
            continue
        if reviewed is not None and sentence in reviewed:
            sentences.append(OrganSentence(sentence, language, reviewed[sentence], "reviewed"))
            continue
        rest = sentence
        organs: dict[str, None] = {}
        decided = []
        for word, pattern, keys in _rules(language):
            rest, times = pattern.subn(lambda found: " " * len(found.group()), rest)
            if times:
                decided.append(word)
                organs.update(dict.fromkeys(keys))
        sentences.append(OrganSentence(sentence, language, tuple(organs), ", ".join(decided)))
    return tuple(sentences)


@cache
def _rules(language: Language) -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    words: dict[str, list[str]] = {}
    for key, both in organ_words().items():
        for word in both[language]:
            words.setdefault(word, []).append(key)
    # Chinese has no blanks between words.
    mark = r"\b" if language is Language.EN else ""
    return tuple(
        (word, re.compile(f"{mark}{re.escape(word)}{mark}", re.IGNORECASE), tuple(words[word]))
        for word in sorted(words, key=lambda one: (-len(one), one))
    )


def marked_organs(organs: Iterable[str], marked: Iterable[str], naming: Naming) -> tuple[str, ...]:
    """The keys of `marked` regions that a sentence about `organs` is about: the same, or parts of it and its sides."""
    wanted = set(organs)
    return tuple(key for key in marked if key.partition("|")[0] in wanted or naming.label(key).parent in wanted)


def read_reviewed(path: Path) -> dict[str, tuple[str, ...]]:
    """A file of `OrganSentence.to_json` lines that a person went through. Raises `DatasetError` naming the line."""
    reviewed = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"cannot read the reviewed sentences {path}: {error.strerror}") from error
    known = organ_words()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            organs = tuple(str(one) for one in data["organs"])
            reviewed[str(data["sentence"])] = organs
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path} line {number} is not a reviewed sentence: {error!r}") from error
        strange = [one for one in organs if one not in known]
        if strange:
            raise DatasetError(f"{path} line {number}: {strange[0]!r} is no organ of the rules: use {', '.join(known)}")
    return reviewed
