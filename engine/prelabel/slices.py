"""Which slices of a scan are looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import MedRegAError

_EVERY = re.compile(r"every[ :=]?([1-9][0-9]{0,5})")


class SliceChoiceError(MedRegAError):
    """A choice of slices that is none."""


@dataclass(frozen=True, slots=True)
class SliceChoice:
    """Every n-th slice, the middle one among them; the middle one alone when `every` is 0."""

    every: int = 1

    @classmethod
    def read(cls, text: str) -> SliceChoice:
        """``all``, ``middle`` or ``every N``. Raises `SliceChoiceError`."""
        if text in ("all", "middle"):
            return cls(1 if text == "all" else 0)
        found = _EVERY.fullmatch(text.strip())
        if found is None:
            raise SliceChoiceError(f"{text!r} is no choice of slices: say all, middle or every N")
        return cls(int(found[1]))

    def of(self, count: int) -> range:
        """The slices of a scan that has so many."""
        middle = count // 2
        return (
            range(middle, min(middle + 1, count)) if not self.every else range(middle % self.every, count, self.every)
        )

    def __str__(self) -> str:
        return {0: "middle", 1: "all"}.get(self.every, f"every {self.every}")
