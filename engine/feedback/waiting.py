"""The images that wait to be labelled, from a database: what models said of them, and how they look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.exchange import AnnotatedViews
from engine.feedback.ordering import Ranked, Said, Waiting, order_images
from engine.progress import Cancelled, Progress
from engine.review import label_key
from engine.scans import ScanError, render_slice
from engine.store import AnnotationStore, ImageRow, RegionRow, SuggestionRow

_SIDE = 16
"""Of the pictures that stand for images."""


@dataclass(frozen=True, slots=True)
class NextImage:
    """An image in the order. regions : how many of it wait for a decision."""

    image: ImageRow
    rank: Ranked
    regions: int

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        image, rank = self.image, self.rank
        return {
            "path": image.source,
            "series_uid": image.series_uid,
            "plane": image.plane.value,
            "slice": image.slice,
            "modality": image.modality,
            "regions": self.regions,
            "score": rank.score,
            "uncertainty": rank.uncertainty,
            "diversity": rank.diversity,
            "rarity": rank.rarity,
        }


@dataclass(frozen=True, slots=True)
class LabelOrder:
    """What to label next. skipped : scans that cannot be read, with the reason; their images are at the end."""

    images: tuple[NextImage, ...]
    skipped: tuple[tuple[str, str], ...]

    def scans(self, store: AnnotationStore) -> list[int]:
        """The ids of the listed scans of its images, each where its first image stands."""
        found = [store.scans.find(one.image.source, one.image.series_uid) for one in self.images]
        return list(dict.fromkeys(scan.id for scan in found if scan is not None))


def order_of(
    store: AnnotationStore, progress: Progress, *, limit: int | None = None, pictures: bool = True
) -> LabelOrder:
    """The order in which to label the images that a model was asked about and nobody has decided about.

    pictures : render them, to tell like from unlike; without, what models said decides alone. Raises `Cancelled`.
    """
    images = {number: store.images.get(number) for number in store.images.waiting()}
    said, regions = {}, {}
    for number, image in images.items():
        said[number], regions[number] = _said_of(store, image)
    counts = Counter(label_key(row.label) for row in store.regions.decided())
    seen, unseen = list(images), list[int]()
    features: NDArray[np.float64] | None = None
    labelled: NDArray[np.float64] | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    if pictures:
        known = [store.images.get(number) for number in store.images.labelled()]
        looks, skipped = picture_features([*images.values(), *known], progress)
        seen = [number for number in images if number in looks]
        unseen = [number for number in images if number not in looks]
        features = _stacked([looks[number] for number in seen])
        labelled = _stacked([looks[image.id] for image in known if image.id in looks])
    ranked = order_images([Waiting(number, said[number]) for number in seen], counts, features, labelled, limit)
    # Nobody can look at them now: behind all others, whatever was said of them.
    ranked += order_images([Waiting(number, said[number]) for number in unseen], counts)
    chosen = ranked if limit is None else ranked[:limit]
    return LabelOrder(tuple(NextImage(images[one.key], one, regions[one.key]) for one in chosen), skipped)


def picture_features(
    images: Sequence[ImageRow], progress: Progress
) -> tuple[dict[int, NDArray[np.float64]], tuple[tuple[str, str], ...]]:
    """What stands for each image when they are compared, by image id, and the scans that could not be read.

    (256,) float64: the slice in its scan's own window at 16 x 16 greys, without its mean and at length 1, so that
    brightness and contrast do not count. So small a picture still tells what kind of scene it is: A. Torralba, R.
    Fergus & W. T. Freeman, 80 Million Tiny Images, IEEE PAMI 30 (2008) 1958, section 3. Raises `Cancelled`.
    """
    found: dict[int, NDArray[np.float64]] = {}
    skipped: dict[str, str] = {}
    views = AnnotatedViews()
    for done, image in enumerate(sorted(images, key=lambda one: (one.source, one.series_uid, one.id)), start=1):
        if progress.cancelled():
            raise Cancelled
        if image.source in skipped:
            continue
        try:
            found[image.id] = tiny_picture(render_slice(views.volume(image), image.plane, image.slice))
        except ScanError as error:
            skipped[image.source] = str(error)
        progress.report(done, len(images), "looking at slices")
    return found, tuple(sorted(skipped.items()))


def _stacked(features: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array(features) if features else np.zeros((0, _SIDE**2))


def tiny_picture(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(256,) float64 of a (H, W, 3) or (H, W) uint8 slice; see `picture_features`. All 0 for a slice of one grey."""
    small = Image.fromarray(rgb).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    values: NDArray[np.float64] = np.asarray(small, float).ravel()
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length else values


def _said_of(store: AnnotationStore, image: ImageRow) -> tuple[tuple[Said, ...], int]:
    """What models said last of each region of an image that waits, and how many regions wait."""
    regions = store.regions.of_image(image.id)
    newest = {row.root_id: store.suggestions.of_region(row.root_id) for row in regions}
    said = [_said(row, newest[row.root_id]) for row in regions]
    # Asked in vain: the model did not know.
    said += [
        Said({}) for one, _ in store.suggestions.looked_for(image.id) if one.region_root_id is None and one.abstained
    ]
    return tuple(one for one in said if one is not None), len(regions)


def _said(region: RegionRow, answer: SuggestionRow | None) -> Said | None:
    if answer is None:
        return None
    if answer.abstained and not answer.candidates:
        return Said({})
    if answer.candidates:
        return Said({id_ or en.strip().casefold(): share for en, _, id_, share in answer.candidates})
    if answer.probability is None or region.label is None:
        return Said({})
    return Said({label_key(region.label): answer.probability})
