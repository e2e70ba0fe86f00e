"""What a model suggested about a slice, as values that cross borders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.protocol import Language, Section, Task
from engine.regions import Box
from engine.scans import Plane, Window


@dataclass(frozen=True, slots=True)
class ImageRef:
    """The very slice that was asked about, so that it can be rendered again bit for bit.

    sha256 : of the rendered pixels (`engine.scans.image_sha256`). window : None for colour.
    """

    path: Path
    series_uid: str
    sop_instance_uid: str
    modality: str
    plane: Plane
    slice: int
    width: int
    height: int
    window: Window | None
    sha256: str


@dataclass(frozen=True, slots=True)
class SuggestedRegion:
    """One named region of an answer. box : slice pixels.

    probability : of the name; or that the box is right, where the model's manifest has a calibration of its boxes,
    else the geometric mean of its digits' probabilities.
    spread : how sure the model is of the left, top, right and bottom side: standard deviations of their places in
    slice pixels, from what it thought of other numbers; None for a box that a person drew or a model without digits.
    expected : the mean places of those sides by the same odds, None as `spread`.
    """

    label: str
    label_zh: str
    label_id: str
    box: Box
    probability: float
    spread: tuple[float, float, float, float] | None = None
    expected: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One allowed name and its probability.

    Among the allowed ones; or of being right, where the model's calibration heeds how many patients taught a region's
    name. What they then lack to 1 is that it is none of them.
    """

    label: str
    label_zh: str
    label_id: str
    probability: float


@dataclass(frozen=True, slots=True)
class SuggestedSentence:
    """One description of a grounded report, the regions it is about, and the names it says are absent."""

    text: str
    regions: tuple[SuggestedRegion, ...]
    not_present: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which weights answered."""

    id: str
    sha256: str
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class SuggestTimings:
    """Milliseconds of each step."""

    render: float
    encode: float
    prompt: float
    decode: float
    total: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model's answer about one slice, until a person decides.

    candidates : ranked names of a region-to-text answer, labels of a diagnosis that has one, options of a question
    that has some. not_present : names said to be absent.
    abstained : nothing is probable enough to be said, or the model never learnt the task, whose probabilities then
    mean nothing; what would have been said is there all the same.
    malformed : something in the answer was no box, label or option, or it was cut short; what is there can still be
    used.
    sentences : of a grounded report, whose regions are in `regions` too. sections : of a report.
    labels : of a diagnosis; when several may hold each has the probability of its own words.
    option : of a VQA question with options or of a yes-no question, "" where the answer is none of them.
    probability : geometric mean of the probabilities of a written answer's tokens, None where choices were ranked.
    trained : whether the model's manifest says that it learnt this task; True where it does not say.
    names : what a text-to-region question looked for, in its own words.
    presence : of a text-to-region answer, each asked name with the probability that it is in the image; empty where
    the model's family writes no word for absence.
    """

    task: Task
    language: Language
    image: ImageRef
    prompt: str
    raw: str
    text: str
    regions: tuple[SuggestedRegion, ...]
    candidates: tuple[Candidate, ...]
    not_present: tuple[str, ...]
    abstained: bool
    malformed: bool
    model: ModelRef
    timings_ms: SuggestTimings
    sentences: tuple[SuggestedSentence, ...] = ()
    sections: tuple[Section, ...] = ()
    labels: tuple[Candidate, ...] = ()
    option: str = ""
    probability: float | None = None
    trained: bool = True
    presence: tuple[Candidate, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before they believe the answer, in English sentences."""
        if self.trained:
            return ()
        name = self.task.value.replace("_", " ")
        return (f"The model {self.model.id} was not trained on the task {name}: do not rely on its answer.",)
