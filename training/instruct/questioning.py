"""All questions about one picture, in every task and language, as the spec says."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.protocol import (
    YES_NO,
    AnswerForm,
    Grounding,
    Language,
    Located,
    Question,
    Recognition,
    Sentence,
    Task,
    modality_phrase,
    user_text,
    write_located,
    write_sentences,
)
from engine.regions import Box
from training.instruct.asking import InstructRecord, region_subtask, worded
from training.instruct.describing import describe, join_report, place_of, short_report
from training.instruct.items import ImageFacts
from training.instruct.naming import Naming
from training.instruct.organs import OrganSentence, marked_organs, split_report
from training.instruct.sources import SourceSettings
from training.instruct.spec import Spec
from training.instruct.templates import vqa_templates
from training.records import Record

_NO_FINDING = {Language.EN: "No finding", Language.ZH: "未见异常"}
_MODALITY_NAMES = {
    "CT": ("CT", "CT"),
    "MR": ("MRI", "磁共振"),
    "US": ("ultrasound", "超声"),
    "DX": ("X-ray", "X光"),
    "CR": ("X-ray", "X光"),
    "MG": ("mammography", "乳腺X光"),
    "SM": ("microscopy", "显微镜"),
    "GM": ("fluorescence microscopy", "荧光显微镜"),
    "DMS": ("dermoscopy", "皮肤镜"),
    "ES": ("endoscopy", "内镜"),
    "OP": ("fundus photography", "眼底照相"),
    "OPT": ("OCT", "OCT"),
}
_PLANES = {"axial": ("axial", "横断面"), "coronal": ("coronal", "冠状面"), "sagittal": ("sagittal", "矢状面")}


@dataclass(frozen=True, slots=True)
class Known:
    """What all pictures together tell. counts : regions of each label by split, as far as they are asked for.

    scopes : the labels that each scope of marking is about. labels : every label that was met.
    organs : what pictures show as a whole, by source. diagnoses : the choices of each source that has some.
    """

    counts: Mapping[str, Mapping[str, int]]
    scopes: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...]
    organs: Mapping[str, str]
    diagnoses: Mapping[str, tuple[str, ...]]
    reviewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Questioner:
    """Makes the records of pictures. The same picture, spec and `Known` give the same records."""

    def __init__(self, spec: Spec, naming: Naming, known: Known) -> None:
        self._spec = spec
        self._naming = naming
        self._known = known
        self._sources: dict[str, SourceSettings] = {source.name: source for source in spec.sources}

    def records(self, facts: ImageFacts, split: str, image: str) -> Iterator[InstructRecord]:
        """Every record of a picture. image : its path relative to the records' file."""
        one = _Picture(self._spec, self._naming, self._known, self._sources[facts.source], facts, split, image)
        for language in self._spec.languages:
            yield from one.named(language)
            yield from one.located(language)
            if not one.chosen:
                continue
            yield from one.grounded(language)
            yield from one.reported(language)
            yield from one.asked(language)
            yield from one.diagnosed(language)

    def sentences(self, facts: ImageFacts) -> Iterator[OrganSentence]:
        """How the picture's reports were split by organ."""
        for report in facts.reports:
            yield from split_report(report.findings, report.language, self._known.reviewed)


class _Picture:
    """One picture while its questions are made."""

    def __init__(
        self,
        spec: Spec,
        naming: Naming,
        known: Known,
        settings: SourceSettings,
        facts: ImageFacts,
        split: str,
        image: str,
    ) -> None:
        self._spec, self._tasks, self._balance = spec, spec.tasks, spec.balance
        self._naming, self._known, self._settings = naming, known, settings
        self._facts, self._split, self._image = facts, split, image
        # Seeded by the picture alone: what happens to others does not change it.
        digest = hashlib.sha256(f"{spec.seed}\n{facts.file}".encode()).digest()
        self._rng = random.Random(digest)
        self._number = 0
        self.chosen = bool(facts.questions or facts.reports) or self._rng.random() < settings.share
        """Whether it is asked about beside its regions."""
        self._present = facts.present()
        self._askable = tuple(
            key
            for key, boxes in self._present.items()
            if key not in facts.uncertain and len(boxes) <= self._tasks.max_boxes
        )

    def named(self, language: Language) -> Iterator[InstructRecord]:
        """Region to text: what is in a box."""
        drawn = [
            (key, box)
            for key, boxes in self._present.items()
            for box in self._rng.sample(boxes, min(len(boxes), self._balance.per_image))
        ]
        # Weighted by rarity, without putting back (Efraimidis and Spirakis, 2006).
        ranks = {place: -math.log(1 - self._rng.random()) * self._count(key) for place, (key, _) in enumerate(drawn)}
        for place in sorted(sorted(ranks, key=lambda one: ranks[one])[: self._balance.per_picture]):
            key, box = drawn[place]
            for _ in range(self._times(key)):
                question = self._question(Task.REGION_TO_TEXT, language, box=box)
                answer = self._naming.name(key, language)
                kind = "lesion" if self._naming.is_finding(key) else "structure"
                yield self._record(question, answer, (key,), kind, worded(question, self._tasks.canonical, self._rng))

    def located(self, language: Language) -> Iterator[InstructRecord]:
        """Text to region: where one or several names are, and that they are not there."""
        wanted = list(self._askable)
        # What is rare first, and what was drawn to be asked for at all.
        drawn = [key for key in wanted if self._times(key)]
        drawn.sort(key=lambda key: (self._count(key), self._rng.random()))
        for place in range(self._tasks.single):
            absent = self._absent() if self._rng.random() < self._tasks.negatives else None
            if absent is not None:
                yield self._locate(language, (absent,))
            elif place < len(drawn):
                for _ in range(max(1, self._times(drawn[place]))):
                    yield self._locate(language, (drawn[place],))
        if not self._present and self._tasks.single:
            absent = self._absent()
            if absent is not None:
                yield self._locate(language, (absent,))
        for _ in range(self._tasks.several if wanted else 0):
            most = min(self._tasks.max_names, len(wanted))
            names = self._rng.sample(wanted, self._rng.randint(min(2, most), most))
            if len(names) < 2 or self._rng.random() < self._tasks.negatives:
                absent = self._absent()
                if absent is not None:
                    names = [*names[: self._tasks.max_names - 1], absent]
            self._rng.shuffle(names)
            if len(names) > 1:
                yield self._locate(language, tuple(names))

    def _locate(self, language: Language, keys: tuple[str, ...]) -> InstructRecord:
        names = tuple(self._naming.name(key, language) for key in keys)
        question = self._question(Task.TEXT_TO_REGION, language, names=names)
        located = tuple(self._located(key, language) for key in keys)
        answer = write_located(located, self._facts.width, self._facts.height, language)
        human = worded(question, self._tasks.canonical, self._rng)
        return self._record(question, answer, keys, region_subtask(located), human)

    def grounded(self, language: Language) -> Iterator[InstructRecord]:
        """Grounded reports: of the picture's own report where it has one, otherwise of what the boxes tell."""
        own = [report for report in self._facts.reports if report.language is language]
        if own:
            yield from self._grounded_report(language, own[0].findings)
            return
        if self._facts.reports or not self._askable:
            return
        for _ in range(self._tasks.grounded):
            keys = self._rng.sample(self._askable, min(len(self._askable), self._rng.randint(1, 3)))
            sentences = [
                Sentence(
                    describe(self._present[key], self._facts.width, self._facts.height, language, self._rng),
                    (self._located(key, language),),
                )
                for key in keys
            ]
            absent = self._absent() if self._rng.random() < self._tasks.negatives else None
            if absent is not None:
                keys.append(absent)
                sentences.append(Sentence("", (self._located(absent, language),)))
            yield self._ground(language, tuple(keys), tuple(sentences), "assembled")

    def _grounded_report(self, language: Language, findings: str) -> Iterator[InstructRecord]:
        told: list[tuple[str, tuple[str, ...]]] = []
        seen: set[str] = set()
        for sentence in split_report(findings, language, self._known.reviewed):
            keys = tuple(k for k in marked_organs(sentence.organs, self._askable, self._naming) if k not in seen)
            if keys:
                told.append((sentence.text, keys))
                seen.update(keys)
        if told:
            sentences = tuple(
                Sentence(text, tuple(self._located(key, language) for key in keys)) for text, keys in told
            )
            yield self._ground(language, tuple(key for _, keys in told for key in keys), sentences, "report")

    def _ground(
        self, language: Language, keys: tuple[str, ...], sentences: tuple[Sentence, ...], kind: str
    ) -> InstructRecord:
        chest = self._facts.body_part == "CHEST" and self._facts.modality in ("DX", "CR")
        lesions = all(self._naming.is_finding(key) for key in keys)
        grounding = Grounding.LESION if lesions else Grounding.CHEST if chest else Grounding.ORGAN
        names = tuple(self._naming.name(key, language) for key in keys)
        question = self._question(Task.GROUNDED_REPORT, language, names=names, grounding=grounding)
        answer = write_sentences(sentences, self._facts.width, self._facts.height, language)
        return self._record(question, answer, keys, kind)

    def reported(self, language: Language) -> Iterator[InstructRecord]:
        """Reports: the picture's own, otherwise a short one of what the boxes tell."""
        question = self._question(Task.REPORT, language)
        for report in self._facts.reports:
            if report.language is language:
                text = join_report(report.findings, report.impression, language)
                yield self._record(question, text, (), "report")
        # A list of many regions is no report; a label left out would make it wrong.
        if self._facts.reports or not self._tasks.report or len(self._askable) < len(self._present):
            return
        if len(self._present) > 2 * self._tasks.max_names:
            return
        scope = self._known.scopes.get(self._facts.scope, ())
        searched = bool(scope) and all(self._naming.is_finding(key) for key in scope)
        text = short_report(self._facts, self._naming, searched, language, self._rng)
        if text:
            yield self._record(question, text, tuple(self._present), "assembled")

    def asked(self, language: Language) -> Iterator[InstructRecord]:
        """Questions: all that came with the picture, and some that its regions answer."""
        own = [asked for asked in self._facts.questions if asked.language is language]
        for asked in own:
            yes_no = {word.casefold(): word for word in YES_NO[language]}
            answer = yes_no.get(asked.answer.casefold().rstrip(".。"), asked.answer)
            form = AnswerForm.YES_NO if answer in YES_NO[language] else AnswerForm.PHRASE
            question = self._question(Task.VQA, language, text=asked.text, form=form)
            yield self._record(question, answer, (), "closed" if form is AnswerForm.YES_NO else "open")
        kinds = list(self._answerable(language))
        self._rng.shuffle(kinds)
        for kind, text, answer, keys in kinds[: self._tasks.vqa]:
            form = AnswerForm.YES_NO if answer in YES_NO[language] else AnswerForm.PHRASE
            question = self._question(Task.VQA, language, text=text, form=form)
            yield self._record(question, answer, keys, kind)

    def _answerable(self, language: Language) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
        """(kind, question, answer, labels) of one question of each kind that the regions answer."""
        templates = vqa_templates(language)
        image = modality_phrase(self._facts.modality, language)
        chinese = language is Language.ZH

        def ask(kind: str, key: str = "") -> str:
            name = self._naming.name(key, language) if key else ""
            return self._rng.choice(templates[kind]).format(image=image, name=name)

        if self._facts.modality in _MODALITY_NAMES:
            yield "modality", ask("modality"), _MODALITY_NAMES[self._facts.modality][chinese], ()
        if self._facts.plane in _PLANES:
            yield "plane", ask("plane"), _PLANES[self._facts.plane][chinese], ()
        yes, no = YES_NO[language]
        absent = self._absent() if self._rng.random() < 0.5 or not self._askable else None
        if absent is not None:
            yield "present", ask("present", absent), no, (absent,)
        elif self._askable:
            key = self._rng.choice(self._askable)
            yield "present", ask("present", key), yes, (key,)
        if self._askable and self._facts.scope:
            key = self._rng.choice(self._askable)
            yield "count", ask("count", key), str(len(self._present[key])), (key,)
        alone = [key for key in self._askable if len(self._present[key]) == 1]
        if alone:
            key = self._rng.choice(alone)
            box = self._present[key][0]
            yield "place", ask("place", key), place_of(box, self._facts.width, self._facts.height, language), (key,)
        findings = [key for key in self._present if self._naming.is_finding(key)]
        if len(findings) == 1:
            yield "finding", ask("finding"), self._naming.name(findings[0], language), (findings[0],)

    def diagnosed(self, language: Language) -> Iterator[InstructRecord]:
        """Choices among labels: the source's own, and which organ a picture shows."""
        if not self._tasks.diagnosis:
            return
        options = self._known.diagnoses.get(self._facts.source, ())
        settings = self._settings.diagnosis
        if options and settings is not None:
            held = self._facts.classes
            if held is None and not self._facts.uncertain:
                held = tuple(key for key in self._present if key in options)
            if held is not None and (held or settings.none) and (len(held) < 2 or settings.several):
                yield self._choose(language, options, held, settings.recognition, settings.none, settings.several)
        organ = self._known.organs.get(self._facts.source)
        organs = tuple(dict.fromkeys(self._known.organs.values()))
        if organ is not None and len(organs) > 1:
            yield self._choose(language, organs, (organ,), Recognition.ORGAN, False, False)

    def _choose(
        self,
        language: Language,
        options: tuple[str, ...],
        held: tuple[str, ...],
        recognition: Recognition,
        none: bool,
        several: bool,
    ) -> InstructRecord:
        none_label = _NO_FINDING[language] if none else ""
        names = tuple(self._naming.name(key, language) for key in options) + ((none_label,) if none else ())
        question = self._question(
            Task.DIAGNOSIS, language, options=names, none_label=none_label, recognition=recognition, several=several
        )
        answer = ",".join(self._naming.name(key, language) for key in options if key in held) or none_label
        return self._record(question, answer, held, recognition.value)

    def _question(self, task: Task, language: Language, **more: Any) -> Question:
        facts = self._facts
        plain = Question(task, language, facts.width, facts.height, facts.modality, body_part=facts.body_part)
        return replace(plain, **more)

    def _record(
        self, question: Question, answer: str, keys: tuple[str, ...], subtask: str, human: str = ""
    ) -> InstructRecord:
        self._number += 1
        facts = self._facts
        stem = Path(facts.file).stem
        record = Record(
            f"{stem}-{self._number}",
            self._image,
            facts.width,
            facts.height,
            human or user_text(question),
            answer,
            question.task,
            question.language,
            facts.modality,
            facts.group,
        )
        return InstructRecord(record, facts.source, subtask, keys)

    def _located(self, key: str, language: Language) -> Located:
        # From top to bottom: one order of many alike can be learned. From left to right, as a box's first number goes,
        # the starter found no more of them (1,900 steps on from 0.7.0).
        boxes: tuple[Box, ...] = tuple(sorted(self._present.get(key, ()), key=lambda box: (box.y1, box.x1)))
        return Located(self._naming.name(key, language), boxes, not_present=not boxes)

    def _absent(self) -> str | None:
        """A label that is not there: looked for in this picture and not marked, or of another kind of picture."""
        gone = [
            key
            for key in self._known.scopes.get(self._facts.scope, ())
            if key not in self._present and key not in self._facts.uncertain
        ]
        if gone and self._rng.random() >= self._tasks.foreign:
            return self._rng.choice(gone)
        if not self._facts.scope and not self._present:
            # Of a picture without any mark nobody would learn more than that nothing is ever there.
            return None
        foreign = [key for key in self._known.labels if self._naming.foreign(key, self._facts.modality)]
        if foreign:
            return self._rng.choice(foreign)
        return self._rng.choice(gone) if gone else None

    def _count(self, key: str) -> int:
        return max(1, self._known.counts.get(self._split, {}).get(key, 1))

    def _times(self, key: str) -> int:
        """How often a label of this picture is asked for: seldom 0 of a frequent one, several times of a rare one."""
        count = self._count(key)
        if count > self._balance.most:
            return int(self._rng.random() < self._balance.most / count)
        if self._split == "train" and count < self._balance.least:
            return min(self._balance.repeat, math.ceil(self._balance.least / count))
        return 1
