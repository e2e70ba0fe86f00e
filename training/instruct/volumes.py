"""From labelled volumes to slices: which planes, which slices, through which window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from engine.labels import Label
from engine.scans import Plane, SliceRenderer, Volume, Window, plane_grid, slice_spacing
from engine.scans.presets import window_presets
from training.instruct.items import SourceImage
from training.instruct.masks import Thresholds, map_regions, merge_masks
from training.instruct.naming import Naming
from training.records import DatasetError

_CT_WINDOWS = {preset.id: preset.window for preset in window_presets("CT")}
_SAME_GRID_MM = 0.01
WindowName = Literal["auto", "soft_tissue", "lung", "bone", "brain", "liver", "mediastinum", "angiography"]


class Slicing(BaseModel):
    """Which slices of a volume become pictures.

    slices : the most in a plane. planes : "auto" takes the stored plane, and another where its slices would have at
    least `min_side` voxels a side and be no more than `max_ratio` times longer than wide.
    windows : presets of CT by name, "auto" for soft tissue, and lung or bone where such labels are in the slice.
    Other modalities are shown through the window of the whole volume.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    slices: int = Field(default=8, gt=0)
    planes: tuple[Literal["auto", "axial", "coronal", "sagittal"], ...] = ("auto",)
    windows: tuple[WindowName, ...] = ("auto",)
    min_side: int = Field(default=80, gt=0)
    max_ratio: float = Field(default=2.5, ge=1)


@dataclass(frozen=True, slots=True)
class LabelLayer:
    """A label map on a volume's voxels. labels : (Z, Y, X) int. keys : of its values; other values mean nothing."""

    labels: NDArray[Any]
    keys: Mapping[int, str]

    def merged(self) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """The map with the number of the key (from 1) in place of values, 0 elsewhere, and the keys in order."""
        keys = tuple(sorted(set(self.keys.values())))
        table = np.zeros(max(self.keys, default=0) + 1, np.int32)
        for value, key in self.keys.items():
            table[value] = keys.index(key) + 1
        known = (self.labels >= 0) & (self.labels < len(table))
        return table[np.where(known, self.labels, 0)], keys


@dataclass(frozen=True, slots=True)
class LabelledVolume:
    """A volume with its label maps: several where labels overlap."""

    volume: Volume
    layers: tuple[LabelLayer, ...]


def labels_on_grid(
    volume: Volume, labels: NDArray[Any], to_patient: NDArray[np.float64], where: str
) -> NDArray[np.int32]:
    """A label map on the voxels of a volume, by nearest neighbour where the grids differ.

    labels : (Z, Y, X). to_patient : (4, 4) LPS millimetres of its (x, y, z) index. Raises `DatasetError` when they do
    not meet anywhere.
    """
    from_volume = affine_of(volume)
    matrix = np.linalg.inv(to_patient) @ from_volume
    # Index order of numpy: z, y, x.
    order = [2, 1, 0]
    turn = matrix[:3, :3][np.ix_(order, order)]
    offset = matrix[:3, 3][order]
    shape = volume.voxels.shape[:3]
    if labels.shape == shape and np.allclose(turn, np.eye(3), atol=1e-3) and np.abs(offset).max() < _SAME_GRID_MM:
        return np.asarray(labels, np.int32)
    turned = ndimage.affine_transform(
        np.asarray(labels, np.int32), turn, offset, output_shape=shape, order=0, mode="constant", cval=0
    )
    if labels.any() and not turned.any():
        raise DatasetError(f"{where}: its label map lies nowhere in the scan: are they of the same patient?")
    return np.asarray(turned, np.int32)


def affine_of(volume: Volume) -> NDArray[np.float64]:
    """(4, 4): LPS millimetres of the voxel index (x, y, z) of a volume."""
    matrix = np.eye(4)
    matrix[:3, :3] = volume.direction * np.array(volume.spacing_mm)
    matrix[:3, 3] = volume.origin_mm
    return matrix


def chosen_planes(volume: Volume, slicing: Slicing) -> tuple[Plane, ...]:
    """The planes to cut, the stored one first."""
    if "auto" not in slicing.planes:
        return tuple(Plane(name) for name in slicing.planes)
    planes = [volume.plane]
    if volume.has_geometry:
        for plane in Plane:
            if plane is volume.plane:
                continue
            _, height, width = plane_grid(volume, plane).shape
            row_mm, column_mm = slice_spacing(volume, plane)
            sides = sorted((height * row_mm, width * column_mm))
            if min(height, width) >= slicing.min_side and sides[1] <= slicing.max_ratio * sides[0]:
                planes.append(plane)
    return tuple(planes)


def choose_slices(areas: NDArray[np.int64], count: int, min_area: int) -> list[int]:
    """Up to `count` slices that show every label, well and about equally often; apart from each other.

    areas : (slices, labels) pixels of each label on each slice. A slice is worth, for each of its labels, the share of
    the label's largest cut, halved for each slice that was chosen for the label before.
    """
    shown = np.where(areas >= min_area, areas, 0).astype(float)
    largest = shown.max(axis=0)
    shown = shown[:, largest > 0] / largest[largest > 0]
    if shown.size == 0:
        return []
    gap = max(1, int((shown.sum(axis=1) > 0).sum()) // (2 * count))
    worth = np.sqrt(shown)
    weights = np.ones(shown.shape[1])
    free = shown.sum(axis=1) > 0
    chosen: list[int] = []
    while free.any() and len(chosen) < count:
        values = np.where(free, worth @ weights, -1.0)
        best = int(values.argmax())
        chosen.append(best)
        weights = weights * np.where(shown[best] > 0, 0.5, 1.0)
        free[max(0, best - gap) : best + gap + 1] = False
    return sorted(chosen)


def slice_images(
    scan: LabelledVolume, slicing: Slicing, thresholds: Thresholds, naming: Naming, group: str, modality: str, body: str
) -> Iterator[SourceImage]:
    """The chosen slices of a labelled volume, with their regions."""
    volume = scan.volume
    layers = [layer.merged() for layer in scan.layers]
    keys = [key for _, its in layers for key in its]
    for plane in chosen_planes(volume, slicing):
        renderer = SliceRenderer(volume, plane)
        grid = renderer.grid
        areas = np.stack([_areas([(grid.cut(labels, z), its) for labels, its in layers]) for z in range(grid.shape[0])])
        row_mm, column_mm = slice_spacing(volume, plane)
        for z in choose_slices(areas, slicing.slices, thresholds.min_area):
            cuts = [(grid.cut(labels, z), dict(enumerate(its, start=1))) for labels, its in layers]
            found = [map_regions(cut, named, thresholds) for cut, named in cuts]
            for window_id, window, shown in _windows(volume, modality, slicing, areas[z], keys, naming):
                yield SourceImage(
                    renderer.render(z, window),
                    group,
                    modality,
                    body,
                    plane.value,
                    # A label that another window is for is neither asked for nor denied through this one.
                    f"{group}|{window_id}",
                    tuple(region for one in found for region in one.regions if region.key in shown),
                    tuple(key for one in found for key in one.uncertain if key in shown),
                    aspect=row_mm / column_mm,
                    label_map=merge_masks([(cut, _only(named, shown)) for cut, named in cuts]),
                )


def _only(named: Mapping[int, str], shown: frozenset[str]) -> dict[int, str]:
    return {value: key for value, key in named.items() if key in shown}


def _areas(cuts: list[tuple[NDArray[np.int32], tuple[str, ...]]]) -> NDArray[np.int64]:
    """Pixels of every key on one slice."""
    return np.concatenate([np.bincount(cut.ravel(), minlength=len(keys) + 1)[1:] for cut, keys in cuts])


def _windows(
    volume: Volume, modality: str, slicing: Slicing, areas: NDArray[np.int64], keys: list[str], naming: Naming
) -> Iterator[tuple[str, Window | None, frozenset[str]]]:
    """The windows of a slice with the labels that each is for."""
    if volume.is_color or modality != "CT":
        yield "own", None, frozenset(keys)
        return
    if "auto" not in slicing.windows:
        for name in slicing.windows:
            yield name, _CT_WINDOWS[name], frozenset(keys)
        return
    best = {key: best_window(naming.label(key)) for key in keys}
    present = {best[key] for key, area in zip(keys, areas, strict=True) if area > 0}
    for chosen in sorted(present):
        shown = frozenset(key for key in keys if best[key] == chosen)
        # Bones are seen in soft tissue too.
        if chosen == "soft_tissue":
            shown |= frozenset(key for key in keys if best[key] == "bone")
        yield chosen, _CT_WINDOWS[chosen], shown


def best_window(label: Label) -> str:
    """The CT window that a structure is looked at through."""
    if label.category in ("bones", "spine") and "disc" not in label.id and "cord" not in label.id:
        return "bone"
    if "lung" in label.id.split("-"):
        return "lung"
    return "brain" if label.category == "brain" else "soft_tissue"
