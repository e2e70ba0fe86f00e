"""The first step of a build: every source's pictures onto the disk and into the catalogue, by several processes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import MedRegAError
from engine.progress import Cancelled, Progress
from training.instruct.catalogue import Catalogue
from training.instruct.items import ImageFacts, SourceImage, Unit
from training.instruct.naming import Naming
from training.instruct.parallel import bounded_map
from training.instruct.pictures import fitted, perceptual_hash, write_picture
from training.instruct.sources import Source, open_source
from training.instruct.spec import Spec
from training.records import DatasetError

PICTURES = "images"
LABEL_MAPS = "masks"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one unit. broken : why it could not be read, "" if it could."""

    source: str
    unit: str
    images: tuple[ImageFacts, ...]
    unknown: dict[str, int]
    broken: str = ""


class Reader:
    """Reads units of a spec's sources and writes their pictures and label maps into a folder; one a process."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._naming = spec.naming()
        self._sources = {one.name: open_source(one, self._naming, spec.regions) for one in spec.used()}

    def read(self, name: str, unit: Unit) -> Ingested:
        """One unit. Raises `DatasetError` naming the source unless the spec says to leave broken ones out."""
        source = self._sources[name]
        source.unknown.clear()
        try:
            images = tuple(self._keep(source, unit, number, one) for number, one in enumerate(source.read(unit)))
        except MedRegAError as error:
            message = f"source {name}, {unit.key}: {error}"
            if not self._spec.skip_broken:
                raise DatasetError(f"{message}. To leave out what cannot be read, set skip_broken = true") from error
            return Ingested(name, unit.key, (), {}, message)
        return Ingested(name, unit.key, images, dict(source.unknown))

    def _keep(self, source: Source[Any], unit: Unit, number: int, image: SourceImage) -> ImageFacts:
        settings = source.settings
        image = fitted(image, self._spec.max_side)
        stem = _digest(settings.name, unit.key, str(number))[:20]
        file = write_picture(image.pixels, self._folder / PICTURES, stem)
        # What was not marked exhaustively has no background: a dense stage would learn that things are not there.
        label_map = image.label_map if image.scope and settings.exhaustive else None
        map_file = "" if label_map is None else write_picture(label_map.values, self._folder / LABEL_MAPS, stem)
        height, width = image.pixels.shape[:2]
        patient = "all" if settings.one_group else image.group
        return ImageFacts(
            f"{PICTURES}/{file}",
            width,
            height,
            settings.name,
            # A pseudonym: the source's word for a patient stays with the source.
            _digest(settings.together or settings.name, patient)[:16],
            perceptual_hash(image.pixels),
            image.modality,
            image.body_part,
            image.plane,
            _digest(image.scope)[:16] if image.scope and settings.exhaustive else "",
            image.regions,
            tuple(dict.fromkeys(image.uncertain)),
            image.questions,
            image.reports,
            image.classes,
            settings.split or image.split,
            f"{LABEL_MAPS}/{map_file}" if map_file else "",
            () if label_map is None else label_map.keys,
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_reader: Reader | None = None
"""Of this worker process."""


def _begin(spec: Spec, folder: Path) -> None:
    global _reader
    _reader = Reader(spec, folder)


def _read(named: tuple[str, Unit]) -> Ingested:
    assert _reader is not None
    return _reader.read(*named)


def ingest(spec: Spec, catalogue: Catalogue, folder: Path, workers: int, progress: Progress) -> None:
    """Bring every unit that is not there yet into the catalogue, its pictures into ``folder/images``.

    Only a few units are in memory at a time. Raises `DatasetError` naming what cannot be read, `Cancelled`; what is
    there stays there, and the next call goes on behind it.
    """
    for name in (PICTURES, LABEL_MAPS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    naming = spec.naming()
    done = catalogue.count("unit")
    waiting = ((name, unit) for name, unit in _units(spec, naming) if not catalogue.has(name, unit.key))
    for ingested in bounded_map(_read, waiting, workers, _begin, (spec, folder)):
        catalogue.add(ingested.source, ingested.unit, ingested.images, ingested.unknown, ingested.broken)
        done += 1
        progress.report(done, 0, f"reading {ingested.source}")
        if progress.cancelled():
            raise Cancelled


def _units(spec: Spec, naming: Naming) -> Iterator[tuple[str, Unit]]:
    for settings in spec.used():
        units = open_source(settings, naming, spec.regions).units()
        for unit in itertools.islice(units, settings.limit):
            yield settings.name, unit
