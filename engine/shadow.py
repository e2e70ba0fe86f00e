"""A trial of two adapters on a person's next regions: both are asked, one is shown, and what became of it is counted.

The hidden answer is kept like any other, before the shown one: the newest answer about a region is the one on screen.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from engine.feedback.statistics import sign_probability
from engine.protocol import Task
from engine.runtime import AdapterManifest, Session
from engine.scans import Plane, Volume, Window
from engine.store import AnnotationStore, SuggestionRow, study_uid_of
from engine.suggest import Suggestion, suggest


@dataclass(frozen=True, slots=True)
class ShadowTrial:
    """Two adapters of one model; None for the base alone."""

    first: AdapterManifest | None
    second: AdapterManifest | None

    def shown_for(self, root_id: int) -> tuple[AdapterManifest | None, AdapterManifest | None]:
        """Which is shown for a region, and which is hidden: by chance, since people lean towards what they see.

        The same for a region each time. Not by its number's parity: a database may give out odd ones alone.
        """
        even = hashlib.sha256(str(root_id).encode()).digest()[0] % 2 == 0
        return (self.first, self.second) if even else (self.second, self.first)


@dataclass(frozen=True, slots=True)
class BothAnswers:
    """To one question. shown : what the person sees."""

    shown: Suggestion
    hidden: Suggestion


@dataclass(frozen=True, slots=True)
class ShadowSummary:
    """Over `regions` that a person named: how often each adapter's best name was theirs.

    both, neither : of the regions. first_shown : how often the first one's answer was on screen. chance : how probable
    so uneven a result is if the adapters are equally good; see `engine.feedback.statistics.sign_probability`.
    """

    regions: int
    first: int
    second: int
    both: int
    neither: int
    first_shown: int
    chance: float

    def to_json(self) -> dict[str, Any]:
        """For scripts, and for the history of what was decided on it."""
        return asdict(self)


def ask_both(
    session: Session,
    trial: ShadowTrial,
    root_id: int,
    volume: Volume,
    plane: Plane,
    index: int,
    window: Window | None = None,
    **question: Any,
) -> BothAnswers:
    """Ask both what a region is; the image is encoded once. question, errors : `engine.suggest.suggest`'s."""
    place = (session, volume, plane, index, window)
    shown, hidden = (
        suggest(*place, task=Task.REGION_TO_TEXT, adapter=one, **question) for one in trial.shown_for(root_id)
    )
    return BothAnswers(shown, hidden)


def keep_both(store: AnnotationStore, both: BothAnswers, volume: Volume, root_id: int) -> SuggestionRow:
    """Keep both answers about a region; returns the shown one's row. Raises `StoreError`."""
    study = study_uid_of(volume)
    store.record_suggestion(both.hidden, study, root_id)
    return store.record_suggestion(both.shown, study, root_id)


def summarize_trial(
    store: AnnotationStore, model_sha256: str, trial: ShadowTrial, regions: int = 100, since: str = ""
) -> ShadowSummary:
    """What became of the first `regions` that both named, since a time, and a person then decided on."""
    ids = [one.id if one else None for one in (trial.first, trial.second)]
    rows = store.shadows.named_twice(model_sha256, ids[0], ids[1], since, regions)
    first, second = sum(row.first for row in rows), sum(row.second for row in rows)
    both = sum(row.first and row.second for row in rows)
    return ShadowSummary(
        len(rows),
        first,
        second,
        both,
        sum(not row.first and not row.second for row in rows),
        sum(row.first_shown for row in rows),
        sign_probability(first - both, second - both),
    )
