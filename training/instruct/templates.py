"""The words of questions and descriptions: data files in `templates`, read once and checked."""

from __future__ import annotations

import json
import string
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from engine.protocol import Language

_FOLDER = Path(str(resources.files("training.instruct"))) / "templates"
_SLOTS = {"region_to_text": {"region", "box", "image"}, "text_to_region": {"names", "image"}}


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences about marked regions in one language; see the data file for the slots."""

    places: tuple[tuple[str, ...], ...]
    one: tuple[str, ...]
    many: tuple[str, ...]
    report_one: tuple[str, ...]
    report_many: tuple[str, ...]
    report_none: str
    impression: str
    impression_none: str
    join: str
    small: str
    space: str


@cache
def question_templates(direction: str, language: Language) -> tuple[str, ...]:
    """The ways to ask ``"region_to_text"`` or ``"text_to_region"``, a line of the data file each."""
    lines = _text(f"{direction}_{language}.txt").splitlines()
    templates = tuple(line.strip() for line in lines if line.strip())
    for template in templates:
        slots = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        assert slots & {"region", "box", "names"}, template
        assert slots <= _SLOTS[direction], template
    return templates


@cache
def vqa_templates(language: Language) -> dict[str, tuple[str, ...]]:
    """The ways to ask what the marked regions answer, by kind of question."""
    return {kind: tuple(texts) for kind, texts in tomllib.loads(_text(f"vqa_{language}.toml")).items()}


@cache
def prose(language: Language) -> Prose:
    """The sentences of descriptions."""
    data: dict[str, Any] = tomllib.loads(_text(f"prose_{language}.toml"))
    data["places"] = [tuple(row) for row in data["places"]]
    words: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Prose(**words)


@cache
def organ_words() -> dict[str, dict[str, tuple[str, ...]]]:
    """Label id to the words of each language by which a report's sentence is about it."""
    data = json.loads(_text("organs.json"))
    return {key: {language: tuple(words) for language, words in both.items()} for key, both in data.items()}


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
