"""What a person should know about a scan that was opened all the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What was found. The values are stable: they may be stored, and translations hang on them."""

    DUPLICATES = "duplicates"
    MISSING_SLICES = "missing-slices"
    UNREADABLE_SLICES = "unreadable-slices"
    UNEVEN_SPACING = "uneven-spacing"
    TILTED_GANTRY = "tilted-gantry"
    SEVERAL_STACKS = "several-stacks"
    TIME_POINTS = "time-points"
    LOCALIZER = "localizer"
    NO_POSITIONS = "no-positions"
    NO_STACK = "no-stack"
    OTHER_PAGES = "other-pages"
    SLIDE_OVERVIEW = "slide-overview"
    SLIDE_REDUCED = "slide-reduced"
    SLIDE_FULL = "slide-full"
    SLIDE_AREA = "slide-area"
    SLIDE_AREA_REDUCED = "slide-area-reduced"
    SLIDE_PLANES = "slide-planes"
    BROKEN_TILES = "broken-tiles"


TEMPLATES: dict[NoteKind, str] = {
    NoteKind.DUPLICATES: "{count} files hold an image that another file holds too: one of each is used",
    NoteKind.MISSING_SLICES: "{count} slices are missing, such as after {file}: they are shown empty",
    NoteKind.UNREADABLE_SLICES: "{count} slices cannot be read and are shown empty: {reason}",
    NoteKind.UNEVEN_SPACING: "the slices lie unevenly, {least} to {most} mm apart: they are shown one by one only",
    NoteKind.TILTED_GANTRY: "the gantry was tilted by {degrees} degrees: the other planes are slanted",
    NoteKind.SEVERAL_STACKS: "the series holds {count} stacks of slices, told apart by {by}: this is number {number}",
    NoteKind.TIME_POINTS: "the series holds {count} time points, told apart by {by}: this is number {number}",
    NoteKind.LOCALIZER: "this is a localizer, made to plan other images",
    NoteKind.NO_POSITIONS: "the files do not say where their slices lie: they are ordered by number",
    NoteKind.NO_STACK: "the frames do not form one stack: they are shown one by one, as stored",
    NoteKind.OTHER_PAGES: "{count} pages have another size than the first: they are left out",
    NoteKind.SLIDE_OVERVIEW: "this is the whole slide at {shown}x: its areas can be opened at up to {best}x",
    NoteKind.SLIDE_REDUCED: "this is the whole slide, shrunk to 1/{factor}: its areas can be opened in full resolution",
    NoteKind.SLIDE_FULL: "this is the whole slide in full resolution",
    NoteKind.SLIDE_AREA: "this is an area of a slide at {shown}x",
    NoteKind.SLIDE_AREA_REDUCED: "this is an area of a slide, shrunk to 1/{factor}",
    NoteKind.SLIDE_PLANES: "the slide holds {count} depths or channels: the first one is shown",
    NoteKind.BROKEN_TILES: "{count} of {total} tiles cannot be read and are left empty: {reason}",
}
"""The English sentence of each kind, with its parameters in braces: what a translation starts from."""

INFORMING = frozenset(
    {
        NoteKind.SLIDE_OVERVIEW,
        NoteKind.SLIDE_REDUCED,
        NoteKind.SLIDE_FULL,
        NoteKind.SLIDE_AREA,
        NoteKind.SLIDE_AREA_REDUCED,
    }
)
"""What is no warning."""


@dataclass(frozen=True, slots=True)
class ScanNote:
    """One remark.

    kind : its stable code. values : the parameters of the sentence, in the order of their names, as texts; a
    window that speaks another language fills its own sentence with ``dict(values)``.
    """

    kind: NoteKind
    values: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        """The remark for a person, in English."""
        return TEMPLATES[self.kind].format(**dict(self.values))


def note(kind: NoteKind, **values: object) -> ScanNote:
    """A remark of `kind`; `values` are the parameters that its template names."""
    return ScanNote(kind, tuple(sorted((name, str(value)) for name, value in values.items())))
