"""What a search looks at: the names of a label and the letters typed, both prepared for comparing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.labels.label import Label
from engine.labels.names import fold, key
from engine.labels.pinyin import Spelling, spellings

_TYPED_LETTERS = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"\w+")


class Field(StrEnum):
    """Which of a label's names matched."""

    EN = "en"
    ZH = "zh"
    SYNONYM_EN = "synonym_en"
    SYNONYM_ZH = "synonym_zh"
    ID = "id"
    ALIAS = "alias"
    CODE = "code"


_ORDER = {field: place for place, field in enumerate(Field)}


@dataclass(frozen=True, slots=True)
class IndexedName:
    """One name. folded : see `names.fold`; starts, words : its words; spellings : none for an English name."""

    field: Field
    order: int
    text: str
    folded: str
    key: str
    starts: tuple[int, ...]
    words: tuple[str, ...]
    initials: str
    spellings: tuple[Spelling, ...]

    @classmethod
    def of(cls, field: Field, text: str) -> IndexedName:
        """A name prepared."""
        folded = fold(text)
        words = list(_WORD.finditer(folded))
        return cls(
            field,
            _ORDER[field],
            text,
            folded,
            key(text),
            tuple(word.start() for word in words),
            tuple(word.group() for word in words),
            "".join(word.group()[0] for word in words),
            spellings(text),
        )


class LabelNames:
    """All names of a label, with what tells quickly that none of them can match.

    hay : every folded name; word_initials : of every English one; typed_beginnings : the first one or two letters
    that pinyin of one of them can begin with, at any syllable.
    """

    __slots__ = ("hay", "label", "names", "typed_beginnings", "word_initials")

    def __init__(self, label: Label) -> None:
        self.label = label
        self.names = tuple(IndexedName.of(field, text) for field, text in _fields(label))
        self.hay = "\n".join(name.folded for name in self.names)
        self.word_initials = "\n".join(name.initials for name in self.names if not name.spellings)
        beginnings: set[str] = set()
        for name in self.names:
            for spelling in name.spellings:
                for syllable, after in zip(spelling.syllables, (*spelling.syllables[1:], ""), strict=True):
                    beginnings |= {syllable[0], syllable[:2], syllable[0] + after[:1]}
        self.typed_beginnings = frozenset(beginnings)


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed. key : for exact comparing; words, folded : as a name's; squeezed : without blanks;
    letters : the same when it can be pinyin or initials, else empty.
    """

    key: str
    folded: str
    words: tuple[str, ...]
    squeezed: str
    letters: str

    @classmethod
    def of(cls, text: str) -> Query:
        """The letters typed, prepared."""
        folded = " ".join(fold(text).split())
        squeezed = folded.replace(" ", "")
        letters = squeezed.replace("ü", "v")
        typed = letters if _TYPED_LETTERS.fullmatch(letters) else ""
        return cls(key(text), folded, tuple(folded.split()), squeezed, typed)


def _fields(label: Label) -> list[tuple[Field, str]]:
    fields = [(Field.EN, label.en), (Field.ZH, label.zh)]
    fields += [(Field.SYNONYM_EN, text) for text in label.synonyms_en]
    fields += [(Field.SYNONYM_ZH, text) for text in label.synonyms_zh]
    known = {key(text) for _, text in fields}
    # An id or alias that reads like a name would only be matched a second time.
    fields += [(Field.ID, label.id)] if key(label.id) not in known else []
    fields += [(Field.ALIAS, text) for text in label.aliases if key(text) not in known]
    fields += [(Field.CODE, label.code), (Field.CODE, label.code.partition(":")[2])] if label.code else []
    return fields
