"""The pictures of a site that the model has not learnt from, each with the truth about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.phantom import PHANTOM_LABELS, LabelledSlice, Phantom, render_phantom_slice
from engine.phantom.anatomy import LESIONS, Z_EXTENT_MM
from engine.progress import Cancelled, Progress
from engine.regions import Box, Label
from training.instruct.naming import Naming
from training.instruct.sources import open_source
from training.instruct.spec import Spec
from training.records import DatasetError

_PATIENT_SEED = 900_000_000
"""Of generated patients: far from those of any phantom set."""
_SIDE = 256


@dataclass(frozen=True, slots=True, eq=False)
class SitePicture:
    """A picture with all of its true regions.

    pixels : (H, W, 3) uint8. patient : whose it is. modality : DICOM code.
    """

    pixels: NDArray[np.uint8]
    patient: str
    modality: str
    regions: tuple[tuple[Label, Box], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Pictures by patient. source : for the record, in words."""

    pictures: tuple[SitePicture, ...]
    source: str

    def patients(self) -> dict[str, list[SitePicture]]:
        """The pictures of each patient, in order."""
        found: dict[str, list[SitePicture]] = defaultdict(list)
        for picture in self.pictures:
            found[picture.patient].append(picture)
        return dict(found)

    def labels(self) -> Counter[str]:
        """How many regions each English name has."""
        return Counter(label.en for picture in self.pictures for label, _ in picture.regions)


def left_out_site(spec: Spec, progress: Progress) -> Site:
    """What a spec lists and its data set leaves out for its terms alone: no model was trained on it.

    A source that is left out because something is wrong with it stays out. Raises `DatasetError`.
    """
    chosen = [one for one in spec.sources if one not in spec.used() and not one.leave_out]
    if not chosen:
        raise DatasetError(f"the spec {spec.name} leaves no source out for its terms: there is no new site in it")
    naming = spec.naming()
    pictures = []
    for settings in chosen:
        source = open_source(settings, naming, spec.regions)
        for number, unit in enumerate(source.units(), start=1):
            if progress.cancelled():
                raise Cancelled
            for one in source.read(unit):
                regions = tuple((_label(naming, marked.key), marked.box) for marked in one.regions)
                if regions:
                    patient = f"{settings.together or settings.name}: {one.group}"
                    pictures.append(SitePicture(_rgb(one.pixels), patient, one.modality, regions))
            progress.report(number, 0, f"reading {settings.name}")
    return Site(tuple(pictures), f"{', '.join(one.name for one in chosen)}, which {spec.name} leaves out")


def _label(naming: Naming, key: str) -> Label:
    """As a person picks it: by its id where that says everything, by its names where a side belongs to them."""
    return Label("" if "|" in key else key, naming.name(key, "en"), naming.name(key, "zh"))


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels)


SITE_NAMES = {
    "liver": ("hepatic parenchyma", "肝实质"),
    "spleen": ("lienal tissue", "脾组织"),
    "right-kidney": ("kidney, patient's right", "患者右侧肾"),
    "left-kidney": ("kidney, patient's left", "患者左侧肾"),
    "stomach": ("gastric lumen", "胃腔"),
    "aorta": ("arterial trunk", "动脉主干"),
    "inferior-vena-cava": ("caval trunk", "腔静脉主干"),
    "vertebra": ("bony spine segment", "骨性脊柱段"),
    "liver-tumor": ("focal hepatic mass", "肝局灶性肿块"),
    "liver-cyst": ("hepatic fluid pocket", "肝内液性区"),
    "kidney-cyst": ("renal fluid pocket", "肾内液性区"),
}
"""What the generated site calls the phantom's structures: names that no shipped model has. Others are not marked."""


def phantom_site(patients: int, seed: int, progress: Progress) -> Site:
    """Generated patients as no phantom set shows them, two slices each: water bright, bone dark, other names."""
    pictures: list[SitePicture] = []
    for number in range(patients):
        if progress.cancelled():
            raise Cancelled
        phantom = Phantom.random(_PATIENT_SEED + seed * 100_000 + number)
        rng = np.random.default_rng([seed, number])
        for z_mm in _levels(phantom, rng):
            cut = render_phantom_slice(phantom, z_mm, _SIDE)
            regions = tuple(_site_regions(cut))
            if regions:
                pictures.append(SitePicture(water_bright(cut.hu), f"generated {number}", "MR", regions))
        progress.report(number + 1, patients, "generating a site")
    return Site(tuple(pictures), f"{patients} generated patients, in another contrast and with other names")


def _levels(phantom: Phantom, rng: np.random.Generator) -> Iterator[float]:
    lesions = [blob for blob in phantom.blobs if blob.id in LESIONS and blob.id in SITE_NAMES]
    yield float(rng.uniform(-60, 60))
    if lesions:
        yield float(np.clip(lesions[int(rng.integers(len(lesions)))].center_mm[2], *Z_EXTENT_MM))
    else:
        yield float(rng.uniform(-60, 60))


def _site_regions(cut: LabelledSlice) -> Iterator[tuple[Label, Box]]:
    present = [label for label in PHANTOM_LABELS if label.id in SITE_NAMES and (cut.labels > 0).any()]
    for label in present:
        for box in cut.boxes(label.id)[:1]:
            yield Label("", *SITE_NAMES[label.id]), box


def water_bright(hu: NDArray[np.int16]) -> NDArray[np.uint8]:
    """(H, W) HU as (H, W, 3) uint8 greys in which water is bright, fat grey, muscle and vessels dark, bone black."""
    levels = np.interp(hu, [-1000, -300, -100, -20, 10, 60, 130, 250, 1000], [0, 10, 120, 235, 250, 130, 70, 20, 0])
    return _rgb(levels.astype(np.uint8))


def deal_patients(site: Site, folds: int, seed: int) -> list[list[str]]:
    """Patients in so many groups of like size, each label in as many groups as it can be: rare labels are dealt first.

    Every patient is in one group. Raises `DatasetError` for fewer patients than groups.
    """
    patients, counts = site.patients(), site.labels()
    if len(patients) < folds:
        raise DatasetError(f"{site.source}: {len(patients)} patients cannot be dealt to {folds} groups")
    shuffled = [sorted(patients)[int(number)] for number in np.random.default_rng(seed).permutation(len(patients))]

    def rarest(patient: str) -> tuple[int, str]:
        names = {label.en for picture in patients[patient] for label, _ in picture.regions}
        return min((counts[name], name) for name in names)

    ranked = sorted(shuffled, key=rarest)
    return [ranked[number::folds] for number in range(folds)]


def cut_to(pictures: Iterable[SitePicture], regions: int) -> list[SitePicture]:
    """The first pictures, with so many regions in all at most: the last one may lose some."""
    kept: list[SitePicture] = []
    for picture in pictures:
        if regions <= 0:
            break
        some = picture.regions[:regions]
        kept.append(SitePicture(picture.pixels, picture.patient, picture.modality, some))
        regions -= len(some)
    return kept


def count_regions(pictures: Sequence[SitePicture]) -> int:
    """Of all of them."""
    return sum(len(picture.regions) for picture in pictures)
