"""What regions can be called here: the ontology with people's own labels, and the label set in use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.label_colors import LabelColors
from desktop.model.label_sets import LabelSets, read_label_sets
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.labels import (
    LabelError,
    LabelScheme,
    LabelSet,
    Match,
    Ontology,
    builtin_ontology,
    builtin_schemes,
    modality_family,
    own_label,
)
from engine.labels.label import label_from_json, label_to_json
from engine.regions import Label
from engine.store import AnnotationStore, OwnLabelRow

_FIRST_CHOICE = {"CT": "abdomen-ct-mr", "MR": "brain-mr", "DX": "chest-xray", "SM": "histology"}
"""The set that a modality has by default where several are made for it."""
_RECENT, _MOST_RECENT = "recent_labels", 30
_NOT_ID = re.compile(r"[^a-z0-9]+")
ALL_MATCHES = 500
"""More than any search is looked through; all are needed to know that a name fits only one."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    ontology: Ontology
    sets: LabelSets
    problems: list[str]
    sets_are_ours: bool


class LabelsModel(QObject):
    """changed : the names, the set in use or its colours. failed : a message.

    ready : the names are read; before, nothing can be looked for. who : the person at work.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(
        self,
        store: AnnotationStore,
        viewing: ViewingModel,
        regions: RegionsModel,
        colors: LabelColors,
        of_model: LabelSet,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._colors = colors
        self._of_model = tuple(of_model)
        self._model_scheme = _scheme_of_model(of_model)
        self._jobs: JobRunner | None = None
        self._sets = LabelSets()
        self._sets_are_ours = True
        self._shown_for: str | None = None
        self.ontology = Ontology(())
        self.ready = False
        self.recent: list[str] = _recent(store.setting(_RECENT))
        viewing.opened.connect(self._follow)
        viewing.active_changed.connect(self._follow)

    # Reading

    def load(self, jobs: JobRunner) -> None:
        """Read the names in the background: it takes the better part of a second."""
        self._jobs = jobs
        own, text, of_model = self._store.labels.own_labels(), self._store.labels.scheme(), self._of_model

        def work(_job: Job) -> _Loaded:
            problems: list[str] = []
            known = _with(builtin_ontology(), of_model, [])
            known = _with(known, [_label_of(row) for row in own], problems)
            builtin_schemes()
            try:
                sets, unread = read_label_sets(text, known)
            except LabelError as error:
                return _Loaded(known, LabelSets(), [*problems, str(error)], sets_are_ours=False)
            return _Loaded(known, sets, problems + unread, sets_are_ours=True)

        job = jobs.start(work)
        # Of a model that was switched away from meanwhile, another load is under way.
        job.done.connect(lambda loaded: self._loaded(loaded) if of_model == self._of_model else None)
        job.failed.connect(self.failed)

    def use_names_of_model(self, of_model: LabelSet) -> None:
        """Another model names regions: its names are a label set, and can be looked for, from now on."""
        if tuple(of_model) == self._of_model:
            return
        self._of_model = tuple(of_model)
        self._model_scheme = _scheme_of_model(of_model)
        self._show()
        if self._jobs is not None:
            self.load(self._jobs)

    def _loaded(self, loaded: _Loaded) -> None:
        self.ontology, self._sets, self._sets_are_ours = loaded.ontology, loaded.sets, loaded.sets_are_ours
        self.ready = True
        self._show()
        if loaded.problems:
            self.failed.emit("\n".join(loaded.problems))

    # Names

    def search(self, text: str) -> list[Match]:
        """All labels that fit what was typed, the likeliest first; the set in use before the rest."""
        if not self.ready:
            return []
        of_set = [entry.label.id for entry in self.scheme]
        first = list(dict.fromkeys((*self.recent, *of_set)))
        return self.ontology.search(text, ALL_MATCHES, self.modality, first)

    def known(self, label: Label) -> Label:
        """All that is known of a region's label; the label itself when it is not known."""
        return self.ontology.get(label.id) or label

    def used(self, label: Label) -> None:
        """A person has given this name: it comes first when they look for names again."""
        if not label.id or self.recent[:1] == [label.id]:
            return
        self.recent = [label.id, *(id for id in self.recent if id != label.id)][:_MOST_RECENT]
        self._store.set_setting(_RECENT, json.dumps(self.recent))

    def add_own(self, en: str, zh: str) -> Label:
        """Keep a label that nobody had before.

        Raises `NameTakenError` when a label has one of the names, `LabelError` for what cannot be a name,
        `StoreError` when it could not be kept.
        """
        label = own_label(en, zh, self.ontology)
        self._keep_own([label])
        self.changed.emit()
        return label

    def _keep_own(self, labels: Sequence[Label]) -> None:
        larger = self.ontology.with_labels(labels)
        for label in labels:
            details = json.dumps(label_to_json(label), ensure_ascii=False, sort_keys=True)
            self._store.labels.keep_own_label(label.id, label.en, label.zh, self._regions.who, details)
        self.ontology = larger

    # Naming

    def name(self, root_id: int, label: Label) -> None:
        """A person names a region."""
        self._regions.name(root_id, label)
        self.used(label)

    def take(self, label: Label | None) -> None:
        """Name every region drawn from now on, on whatever scan, until it is let go with None."""
        self._regions.next_label = label
        if label is not None:
            self.used(label)

    def press(self, key: str) -> bool:
        """A label's key: names the selected region, else takes or lets go of the label; False for a key of none."""
        entry = self.scheme.by_key(key)
        if entry is None:
            return False
        self.apply(entry.label)
        return True

    def apply(self, label: Label) -> None:
        """What a label's key does."""
        root = self._regions.selected_root
        if root is not None:
            self.name(root, label)
        else:
            self.take(None if self._regions.next_label == label else label)

    # Label sets

    @property
    def modality(self) -> str:
        """Of the active scan, as label sets know it; "" for none."""
        volume = self._viewing.volume
        return "" if volume is None else modality_family(volume.modality)

    @property
    def builtin(self) -> tuple[LabelScheme, ...]:
        """The sets that nobody edits."""
        return (*builtin_schemes(), self._model_scheme) if self.ready else (self._model_scheme,)

    @property
    def own(self) -> tuple[LabelScheme, ...]:
        """People's own sets."""
        return self._sets.own

    @property
    def schemes(self) -> tuple[LabelScheme, ...]:
        """Every set, own ones first."""
        return (*self.own, *self.builtin)

    def scheme_of(self, modality: str) -> LabelScheme:
        """The set that a modality uses: the chosen one, else the one made for it, else the model's names."""
        by_id = {scheme.id: scheme for scheme in self.schemes}
        for id in (self._sets.chosen.get(modality, ""), _FIRST_CHOICE.get(modality, "")):
            if id in by_id:
                return by_id[id]
        made_for = (scheme for scheme in self.builtin if modality and modality in scheme.modalities)
        return next(made_for, self._model_scheme)

    @property
    def scheme(self) -> LabelScheme:
        """The set in use on the active scan."""
        return self.scheme_of(self.modality)

    def choose(self, modality: str, scheme_id: str) -> None:
        """Use a set for a modality from now on. Raises `LabelError`, `StoreError`."""
        self._keep(self._sets.with_choice(modality, scheme_id))

    def can_bind(self, scheme: LabelScheme) -> bool:
        """Whether there is a choice for the model in a set: its own names it chooses among anyway."""
        return scheme != self._model_scheme and self.known_to_model(scheme) > 0

    def binds(self, modality: str) -> bool:
        """Whether the model chooses among the names of this modality's set alone."""
        return self._sets.binding.get(modality) == self.scheme_of(modality).id

    def bind(self, modality: str, on: bool) -> None:
        """Let it do so from now on, or no more. Raises `LabelError`, `StoreError`."""
        self._keep(self._sets.with_binding(modality, self.scheme_of(modality).id if on else ""))

    @property
    def binding_scheme(self) -> LabelScheme | None:
        """The set among whose names the model chooses on the active scan; None where it chooses among all of its."""
        return self.scheme if self.binds(self.modality) else None

    def known_to_model(self, scheme: LabelScheme) -> int:
        """How many labels of a set the model can give."""
        known = {label.id for label in self._of_model}
        return sum(entry.label.id in known for entry in scheme)

    def save(self, scheme: LabelScheme) -> None:
        """Keep an own set, new or changed. Raises `LabelError`, `StoreError`."""
        if any(scheme.id == one.id for one in self.builtin):
            raise LabelError(f"the label set {scheme.en!r} ships with the program: copy it to change it")
        self._keep(self._sets.with_scheme(scheme))

    def delete(self, scheme_id: str) -> None:
        """Take an own set away. Raises `LabelError`, `StoreError`."""
        self._keep(self._sets.without_scheme(scheme_id))

    def copy_of(self, scheme: LabelScheme, en: str, zh: str) -> LabelScheme:
        """A set of one's own, like another one; not kept yet."""
        return LabelScheme(self._free_id(en), en, zh, scheme.entries, scheme.modalities)

    def import_file(self, path: Path) -> LabelScheme:
        """Keep the set of a file, with the labels of people's own in it; under another id where its own is taken.

        Raises `LabelError` naming the entry and field that is wrong, `StoreError` when it could not be kept.
        """
        scheme = LabelScheme.from_file(path, self.ontology)
        new = [label for label in scheme.own_labels() if self.ontology.get(label.id) is None]
        if any(scheme.id == one.id for one in self.schemes):
            scheme = LabelScheme(self._free_id(scheme.id), scheme.en, scheme.zh, scheme.entries, scheme.modalities)
        if new:
            self._keep_own(new)
        self.save(scheme)
        return scheme

    def _free_id(self, name: str) -> str:
        base = _NOT_ID.sub("-", name.casefold()).strip("-") or "label-set"
        taken = {scheme.id for scheme in self.schemes}
        return next(id for id in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if id not in taken)

    def _keep(self, sets: LabelSets) -> None:
        if not self._sets_are_ours:
            raise LabelError("the label sets of this database were written by another version and stay as they are")
        self._store.labels.set_scheme(sets.to_text())
        self._sets = sets
        self._show()

    def _follow(self) -> None:
        if self.modality != self._shown_for:
            self._show()

    def _show(self) -> None:
        self._shown_for = self.modality
        self._colors.set_colors({entry.label.id: entry.colour for entry in self.scheme})
        self.changed.emit()


def _scheme_of_model(names: LabelSet) -> LabelScheme:
    return LabelScheme.of("names-of-the-model", "Names of the model", "模型的名称", names)


def _label_of(row: OwnLabelRow) -> Label:
    """A label as it was kept; its names are the row's."""
    try:
        label = label_from_json(json.loads(row.details), f"the label {row.label_id!r}")
    except (json.JSONDecodeError, LabelError):
        # Kept by something that knew its names only.
        return Label(row.label_id, row.en or row.zh, row.zh or row.en)
    return Label(row.label_id, row.en or row.zh, row.zh or row.en, kind=label.kind, lateral=label.lateral)


def _with(known: Ontology, labels: Iterable[Label], problems: list[str]) -> Ontology:
    """The ontology with labels that it has not; those whose names are taken are left out, and said so."""
    for label in labels:
        if known.get(label.id) is None:
            try:
                known = known.with_labels([label])
            except LabelError as error:
                problems.append(str(error))
    return known


def _recent(text: str) -> list[str]:
    """The ids that were kept; none when they cannot be read: it is only an order."""
    try:
        said = json.loads(text or "[]")
    except json.JSONDecodeError:
        return []
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
