"""What a model says an undecided region is: the one rule, for lists, cards, acceptance and feedback alike.

Several answers may be about one region: the one that drew it, which gave it its name, and later ones to "what is
this?". A name is never put together with the probability of another answer than the one that gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.labels import same_name
from engine.protocol import Task
from engine.regions import Label
from engine.store.rows import Origin, RegionRow, RegionState, SuggestionRow


@dataclass(frozen=True, slots=True)
class SaidName:
    """A name for a region; all of it is of one answer.

    answer : the one. probability : of the name, or of the box that was drawn under it; None where the model told none.
    contrary : the region has another name.
    """

    answer: SuggestionRow
    label: Label
    probability: float | None
    contrary: bool


def what_drew(region: RegionRow, answers: Sequence[SuggestionRow]) -> SuggestionRow | None:
    """The answer that drew a region and gave it its first name; None where no answer did.

    answers : all about the region, oldest first. What draws a region is kept together with it; whatever is said of its
    box comes later.
    """
    drawn = region.origin is Origin.MODEL and answers and answers[0].task != Task.REGION_TO_TEXT
    return answers[0] if drawn else None


def speaker(region: RegionRow, answers: Sequence[SuggestionRow], heard: SuggestionRow) -> SuggestionRow:
    """Whose name for the region counts once `heard`, one of its answers, is given.

    Where that one is not sure of a region that a model drew, the region keeps its name: what drew it speaks.
    """
    drew = what_drew(region, answers)
    return drew if drew is not None and (heard.abstained or not heard.candidates) else heard


def best_name(answer: SuggestionRow) -> tuple[Label, float] | None:
    """What an answer to "what is this?" says, and how sure it is; None where it names nothing."""
    if not answer.candidates:
        return None
    en, zh, id_, probability = answer.candidates[0]
    return Label(id_, en, zh), probability


def said_name(region: RegionRow, answers: Sequence[SuggestionRow]) -> SaidName | None:
    """What a model says an undecided region is, after the newest of its answers; None where it says nothing of it.

    region : as it is now. answers : all about it, oldest first. An answer that is not sure says nothing of a region
    that has a name; of one that waits for a name it is told all the same, see `SuggestionRow.abstained`.
    """
    if not answers:
        return None
    answer = speaker(region, answers, answers[-1])
    if answer == what_drew(region, answers):
        return None if region.label is None else SaidName(answer, region.label, answer.probability, False)
    best = best_name(answer)
    if best is None or (region.label is not None and answer.abstained):
        return None
    label, probability = best
    return SaidName(answer, label, probability, region.label is not None and not same_name(region.label, label))


def may_accept(region: RegionRow, said: SaidName | None, threshold: float) -> bool:
    """Whether a name may be accepted unseen, among many: the model is at least as sure of it as `threshold` (0..1).

    Not for a region that has another name than the model says now: a person looks at that. Nor for one that is locked,
    or decided already.
    """
    if said is None or said.contrary or said.answer.abstained or said.probability is None or region.locked:
        return False
    named = RegionState.DRAWN if region.label is None else RegionState.SUGGESTED
    return region.state is named and said.probability >= threshold


def stands_behind(region: RegionRow, answers: Sequence[SuggestionRow]) -> SuggestionRow | None:
    """The answer that says the name which an undecided region has; None where none does.

    Of a region that has another name than the model says now, it is what drew it.
    """
    said = said_name(region, answers)
    return said.answer if said is not None and not said.contrary else what_drew(region, answers)
