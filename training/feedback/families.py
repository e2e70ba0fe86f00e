"""Which of the patients that scans' headers name are one: the same scan may be there twice, once made anonymous.

A study is of one patient, and a series of one study (DICOM PS3.3, A.1.2.2 and A.1.2.3); a picture is too, pixel for
pixel. Nothing of what tells it is written into a snapshot: a UID would lead back to the patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

Mark = tuple[str, str]
"""What a scan has that no other patient's scan can have: of which kind, and its value."""


def place_of(patient: str) -> float:
    """Where a patient stands among all, 0..1: a hash of the patient and nothing else. Below the share: held out."""
    return int.from_bytes(hashlib.sha256(f"held out?\n{patient}".encode()).digest()[:8]) / 2**64


def marks_of(study_uid: str, series_uid: str, view_sha256: str) -> Iterator[Mark]:
    """The marks of a picture; of an empty UID none.

    study_uid : as the database or the header has it. series_uid : as `read_volume` takes it. view_sha256 : of the
    picture as it was on screen.
    """
    # What was in no study is called by its file there.
    study = "" if study_uid.startswith("file:") else study_uid.strip()
    # Behind a # stands which stack or area of the series it is.
    series = series_uid.partition("#")[0].strip()
    yield from ((kind, value) for kind, value in (("study", study), ("series", series)) if value)
    yield "view", view_sha256


class Families:
    """Patients by name, and which of them are one because of what their scans share, also by way of others.

    The same links give the same families, in whatever order they come.
    """

    def __init__(self) -> None:
        self._above: dict[Mark, Mark] = {}
        self._head: dict[Mark, str] = {}

    def link(self, patient: str | None, marks: Iterable[Mark]) -> None:
        """All of these are of one patient. patient : None where nobody knows which."""
        nodes = list(marks)
        if patient is not None:
            nodes.append(("patient", patient))
            root = self._root(nodes[-1])
            self._head.setdefault(root, patient)
        for node in nodes[1:]:
            self._join(nodes[0], node)

    def head_of(self, patient: str) -> str:
        """The one of a patient's family that stands for all of it; the patient alone where there is no other.

        Whoever comes last by `place_of`: a family is held out only if each of it would be. So a snapshot in which two
        turn out to be one may train on who was held out before, and never lets judge who was trained on.
        """
        return self._head.get(self._root(("patient", patient)), patient)

    def _join(self, one: Mark, other: Mark) -> None:
        above, below = self._root(one), self._root(other)
        if above == below:
            return
        self._above[below] = above
        heads = [self._head.pop(root) for root in (above, below) if root in self._head]
        if heads:
            self._head[above] = max(heads, key=lambda patient: (place_of(patient), patient))

    def _root(self, node: Mark) -> Mark:
        path = []
        while (above := self._above.get(node)) is not None:
            path.append(node)
            node = above
        for passed in path:
            self._above[passed] = node
        return node
