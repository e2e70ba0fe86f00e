"""What a person should know about how a scan was opened, in their language."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.error_texts import shown_error
from engine.scans import NoteKind, ScanNote

_NAMING = ("file", "reason")
"""Values that name files."""


class NoteTexts(QObject):
    """Turns remarks into sentences."""

    def text(self, note: ScanNote, *, hides_names: bool = False) -> str:
        """The remark as a sentence. hides_names : without names of files, which often are patients' names."""
        values = {name: self._value(name, value, hides_names) for name, value in note.values}
        return self._sentence(note.kind).format(**values)

    def _value(self, name: str, value: str, hides_names: bool) -> str:
        if hides_names and name in _NAMING:
            return self.tr("(hidden)")
        return shown_error(value) if name == "reason" else self._word(value)

    def _sentence(self, kind: NoteKind) -> str:
        sentences = {
            NoteKind.DUPLICATES: self.tr(
                "{count} files hold an image that another file holds too: one of each is used"
            ),
            NoteKind.MISSING_SLICES: self.tr("{count} slices are missing, such as after {file}: they are shown empty"),
            NoteKind.UNREADABLE_SLICES: self.tr("{count} slices cannot be read and are shown empty: {reason}"),
            NoteKind.UNEVEN_SPACING: self.tr(
                "The slices lie unevenly, {least} to {most} mm apart: they are shown one by one only"
            ),
            NoteKind.TILTED_GANTRY: self.tr("The gantry was tilted by {degrees}°: the other planes are slanted"),
            NoteKind.SEVERAL_STACKS: self.tr(
                "The series holds {count} stacks of slices, told apart by {by}: this is number {number}"
            ),
            NoteKind.TIME_POINTS: self.tr(
                "The series holds {count} time points, told apart by {by}: this is number {number}"
            ),
            NoteKind.LOCALIZER: self.tr("This is a localizer, made to plan other images"),
            NoteKind.NO_POSITIONS: self.tr("The files do not say where their slices lie: they are ordered by number"),
            NoteKind.NO_STACK: self.tr("The frames do not form one stack: they are shown one by one, as stored"),
            NoteKind.OTHER_PAGES: self.tr("{count} pages have another size than the first: they are left out"),
            NoteKind.SLIDE_OVERVIEW: self.tr("Whole slide at {shown}×: its areas can be opened at up to {best}×"),
            NoteKind.SLIDE_REDUCED: self.tr(
                "Whole slide, shrunk to 1/{factor}: its areas can be opened in full resolution"
            ),
            NoteKind.SLIDE_FULL: self.tr("Whole slide in full resolution"),
            NoteKind.SLIDE_AREA: self.tr("Area of a slide at {shown}×"),
            NoteKind.SLIDE_AREA_REDUCED: self.tr("Area of a slide, shrunk to 1/{factor}"),
            NoteKind.SLIDE_PLANES: self.tr("The slide holds {count} depths or channels: the first one is shown"),
            NoteKind.BROKEN_TILES: self.tr("{count} of {total} tiles cannot be read and are left empty: {reason}"),
        }
        return sentences[kind]

    def _word(self, value: str) -> str:
        """What stacks are told apart by is one of our words; numbers, and what files say, stay as they are."""
        words = {
            "temporal position": self.tr("temporal position"),
            "echo": self.tr("echo"),
            "echo time": self.tr("echo time"),
            "diffusion b-value": self.tr("diffusion b-value"),
            "trigger time": self.tr("trigger time"),
            "inversion time": self.tr("inversion time"),
            "flip angle": self.tr("flip angle"),
            "acquisition": self.tr("acquisition"),
            "image type": self.tr("image type"),
            "kernel": self.tr("kernel"),
            "acquisition time": self.tr("acquisition time"),
            "size or orientation": self.tr("size or orientation"),
            "stack": self.tr("stack"),
            "frame type": self.tr("frame type"),
            "fourth dimension": self.tr("fourth dimension"),
        }
        return words.get(value, value)
