"""A random patient as a list of deformed ellipsoids, in LPS millimetres round the middle of the abdomen.

Sizes, positions and attenuations are rounded textbook values for adults; they are meant to look and vary like
a portal-venous or unenhanced abdominal CT, not to measure anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.regions import Label, LabelSet

Array = NDArray[np.float64]

PHANTOM_LABELS = LabelSet(
    [
        Label("liver", "liver", "肝脏", "SCT:10200004"),
        Label("spleen", "spleen", "脾脏", "SCT:78961009"),
        Label("right-kidney", "right kidney", "右肾", "SCT:9846003"),
        Label("left-kidney", "left kidney", "左肾", "SCT:18639004"),
        Label("stomach", "stomach", "胃", "SCT:69695003"),
        Label("pancreas", "pancreas", "胰腺", "SCT:15776009"),
        Label("gallbladder", "gallbladder", "胆囊", "SCT:28231008"),
        Label("aorta", "aorta", "主动脉", "SCT:15825003"),
        Label("inferior-vena-cava", "inferior vena cava", "下腔静脉", "SCT:64131007"),
        Label("vertebra", "vertebra", "椎骨", "SCT:51282000"),
        Label("right-lung", "right lung", "右肺", "SCT:3341006"),
        Label("left-lung", "left lung", "左肺", "SCT:44029006"),
        Label("heart", "heart", "心脏", "SCT:80891009"),
        Label("liver-tumor", "liver tumor", "肝肿瘤", "SCT:126851005"),
        Label("liver-cyst", "liver cyst", "肝囊肿", "SCT:85057007"),
        Label("kidney-cyst", "kidney cyst", "肾囊肿", "SCT:722223000"),
        Label("kidney-stone", "kidney stone", "肾结石", "SCT:95570007"),
        Label("lung-nodule", "lung nodule", "肺结节", "SCT:427359005"),
    ]
)
"""What a phantom can hold; a label map's value is the label's place in this set, counted from 1."""

LESIONS = frozenset({"liver-tumor", "liver-cyst", "kidney-cyst", "kidney-stone", "lung-nodule"})
"""The ids among `PHANTOM_LABELS` that are lesions."""

Z_EXTENT_MM = (-95.0, 105.0)
"""The z range, inferior to superior, in which a phantom is meant to be sliced."""


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A deformed ellipsoid.

    center_mm, radii_mm : (3,) LPS x, y, z. rotation : (3, 3), patient to blob axes.
    wobble : (K, 5) rows of amplitude, three wave numbers a radius, phase: the surface's bumps.
    hu : attenuation. texture : standard deviation of its grain in HU.
    inside : id of the blob that it may not leave, "" for none.
    """

    id: str
    center_mm: Array
    radii_mm: Array
    rotation: Array
    wobble: Array
    hu: float
    texture: float = 4.0
    exponent: float = 2.0
    inside: str = ""

    def level(self, x: Array, y: Array, z: float) -> NDArray[np.float32]:
        """Below 1 inside. x (W,), y (H,) and z in LPS mm; returns (H, W)."""
        dz = z - self.center_mm[2]
        dx = (x - self.center_mm[0]).astype(np.float32)[None, :]
        dy = (y - self.center_mm[1]).astype(np.float32)[:, None]
        u, v, w = (
            (np.float32(row[0] / radius) * dx + np.float32(row[1] / radius) * dy) + np.float32(row[2] * dz / radius)
            for row, radius in zip(self.rotation, self.radii_mm, strict=True)
        )
        if self.exponent == 2.0:
            distance = np.sqrt(u * u + v * v + w * w)
        else:
            power = np.float32(self.exponent)
            distance = (np.abs(u) ** power + np.abs(v) ** power + np.abs(w) ** power) ** (1 / power)
        bumps = np.ones_like(distance)
        for amplitude, ku, kv, kw, phase in self.wobble.astype(np.float32):
            bumps += amplitude * np.sin(ku * u + kv * v + (kw * w + phase))
        level: NDArray[np.float32] = distance * bumps
        return level


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """One generated patient. blobs : painted in this order, later ones over earlier ones."""

    seed: int
    blobs: tuple[Blob, ...]
    noise_hu: float
    table_y_mm: float
    fov_mm: float
    center_mm: tuple[float, float] = field(default=(0.0, 0.0))

    @classmethod
    def random(cls, seed: int, *, lesions: bool = True) -> Phantom:
        """The patient of a seed; the same seed gives the same patient."""
        return _Builder(seed).build(lesions)


class _Builder:
    """Draws one patient's numbers. All random draws happen here, in a fixed order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = np.random.default_rng([20241018, seed])
        self.scale = np.array([self.uniform(0.87, 1.13), self.uniform(0.87, 1.13), self.uniform(0.93, 1.07)])
        self.shift = np.array([self.uniform(-9, 9), self.uniform(-9, 9), self.uniform(-14, 14)])
        self.enhanced = self.rng.random() < 0.65
        self.blobs: list[Blob] = []

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def hu(self, plain: float, enhanced: float, spread: float) -> float:
        return self.rng.normal(enhanced if self.enhanced else plain, spread)

    def rotation(self, degrees: tuple[float, float, float]) -> Array:
        """Rotation about x, y, z by `degrees`, each +- 6 degrees."""
        matrix = np.eye(3)
        for axis, angle in enumerate(degrees):
            c, s = np.cos(a := np.radians(angle + self.uniform(-6, 6))), np.sin(a)
            one = np.eye(3)
            i, j = (axis + 1) % 3, (axis + 2) % 3
            one[i, i], one[i, j], one[j, i], one[j, j] = c, -s, s, c
            matrix = one @ matrix
        return matrix

    def add(
        self,
        id: str,
        center: tuple[float, float, float],
        radii: tuple[float, float, float],
        hu: float,
        *,
        jitter: float = 7.0,
        size: float = 0.13,
        turn: tuple[float, float, float] = (0, 0, 0),
        bumps: float = 0.05,
        texture: float = 4.0,
        exponent: float = 2.0,
        inside: str = "",
    ) -> Blob:
        """Paint one more organ: `center`, `radii` in mm before this patient's scale, shift and jitter."""
        wobble = np.column_stack(
            [
                self.rng.uniform(0.4, 1.2, 3) * bumps,
                self.rng.uniform(-4.5, 4.5, (3, 3)),
                self.rng.uniform(0, 2 * np.pi, 3),
            ]
        )
        blob = Blob(
            id,
            np.array(center) * self.scale + self.shift + self.rng.uniform(-jitter, jitter, 3),
            np.array(radii) * self.scale * self.rng.uniform(1 - size, 1 + size, 3),
            self.rotation(turn),
            wobble,
            hu,
            texture,
            exponent,
            inside,
        )
        self.blobs.append(blob)
        return blob

    def build(self, lesions: bool) -> Phantom:
        self._trunk()
        self._organs()
        if lesions:
            self._lesions()
        return Phantom(
            self.seed,
            tuple(self.blobs),
            noise_hu=self.uniform(7, 16),
            table_y_mm=self.uniform(128, 140) * float(self.scale[1]) + float(self.shift[1]),
            fov_mm=self.uniform(335, 390) * float(self.scale[0]),
            center_mm=(
                float(self.shift[0]) + self.uniform(-5, 5),
                float(self.shift[1]) + self.uniform(-14, 14),
            ),
        )

    def _trunk(self) -> None:
        fat = self.uniform(8, 24)
        self.add("skin", (0, 0, 0), (162, 116, 900), 20, jitter=0, size=0, bumps=0.012, exponent=2.3, texture=8)
        self.add("fat", (0, 0, 0), (160, 114, 900), -102, jitter=0, size=0, bumps=0.012, exponent=2.3, texture=9)
        muscle = (160 - fat, 114 - fat, 900)
        self.add("wall", (0, 0, 0), muscle, 52, jitter=0, size=0, bumps=0.012, exponent=2.3, texture=12)
        for side in (-1, 1):
            self.add("muscle", (side * 42, 82, 0), (36, 24, 900), 58, jitter=3, bumps=0.04, texture=12)
        cavity = (muscle[0] - 14, muscle[1] - 18, 900)
        self.add("cavity", (0, -6, 0), cavity, -98, jitter=0, size=0, bumps=0.02, exponent=2.2, texture=14)
        for side in (-1, 1):
            self.add("muscle", (side * 34, 52, -60), (22, 20, 70), 56, jitter=3, bumps=0.05, texture=10)
        self._ribs(muscle)

    def _ribs(self, wall: tuple[float, float, float]) -> None:
        for level in range(-1, 5):
            for angle in np.radians([15, 50, 85, 115, 148]):
                for side in (-1, 1):
                    x = side * np.sin(angle) * (wall[0] - 8)
                    y = np.cos(angle) * (wall[1] - 8)
                    z = level * 32 + 26 * np.cos(angle) + self.uniform(-4, 4)
                    self.add("rib", (x, y, z), (9, 6, 7), self.rng.normal(420, 60), jitter=1.5, texture=40)

    def _organs(self) -> None:
        add, hu = self.add, self.hu
        for _ in range(9):
            loop = (self.uniform(-95, 95), self.uniform(-70, 20), self.uniform(-130, -30))
            content = self.rng.choice([18.0, 30.0, 45.0, -600.0], p=[0.4, 0.3, 0.15, 0.15])
            radii = (self.uniform(13, 22), self.uniform(11, 18), self.uniform(14, 30))
            add("bowel", loop, radii, float(content), bumps=0.12, texture=18, inside="cavity")
        for id, side in (("right-lung", -1), ("left-lung", 1)):
            air = self.rng.normal(-845, 20)
            add(id, (side * 72, 14, 150), (66, 88, 112), air, texture=22, exponent=2.6, inside="cavity")
        liver = hu(58, 108, 7)
        add("liver", (-62, -4, 30), (84, 82, 74), liver, bumps=0.06, texture=5, exponent=2.3, inside="cavity")
        add(
            "liver",
            (8, -46, 44),
            (58, 32, 36),
            liver,
            bumps=0.07,
            texture=5,
            inside="cavity",
            turn=(0, 14, 0),
        )
        add(
            "heart",
            (24, -34, 128),
            (54, 44, 48),
            hu(42, 130, 10),
            texture=6,
            inside="cavity",
            turn=(0, 0, 25),
        )
        add("stomach", (56, -34, 32), (40, 32, 44), hu(22, 28, 10), bumps=0.08, texture=14, inside="cavity")
        add("stomach", (56, -54, 32), (30, 12, 34), -780, bumps=0.05, texture=25, inside="stomach", jitter=3)
        add(
            "spleen",
            (104, 32, 34),
            (27, 44, 46),
            hu(48, 122, 7),
            bumps=0.06,
            inside="cavity",
            turn=(0, 0, -20),
        )
        add("pancreas", (14, -8, -2), (58, 14, 15), hu(40, 92, 7), bumps=0.12, texture=9, turn=(0, 16, -14))
        add(
            "gallbladder",
            (-52, -52, -14),
            (17, 17, 25),
            self.rng.normal(9, 4),
            turn=(25, 0, 0),
            inside="cavity",
        )
        for id, x, z in (("right-kidney", -64.0, -38.0), ("left-kidney", 66.0, -24.0)):
            outward = float(np.sign(x))
            kidney = hu(33, 175, 14)
            turn = (0.0, outward * 8, outward * 25)
            body = add(id, (x, 46, z), (29, 25, 54), kidney, bumps=0.05, jitter=6, turn=turn)
            pelvis = body.center_mm - np.array([outward * 14.0, 6.0, 0.0])
            self._at("kidney-sinus", pelvis, (12, 9, 22), self.rng.normal(-40, 15), inside=id)
        add("aorta", (9, 34, 0), (12, 12, 900), hu(42, 190, 14), jitter=4, bumps=0.02)
        add("inferior-vena-cava", (-23, 30, 0), (14, 11, 900), hu(40, 128, 10), jitter=4, bumps=0.03)
        for level in range(-4, 6):
            height = level * 33 + 16 + self.uniform(-2, 2)
            add("disc", (0, 66, height), (21, 17, 6), 78, jitter=1, size=0.05, exponent=3)
        bone = self.rng.normal(215, 25)
        add("vertebra", (0, 66, 0), (22, 18, 900), bone, jitter=2, bumps=0.02, texture=35, exponent=2.4)
        add("vertebra", (0, 86, 0), (18, 13, 900), bone + 40, jitter=1, bumps=0.02, texture=35)
        add("vertebra", (0, 104, 0), (6, 18, 900), bone + 90, jitter=1, bumps=0.02, texture=35)
        for side in (-1, 1):
            add(
                "vertebra",
                (side * 23, 88, 0),
                (18, 6, 900),
                bone + 60,
                jitter=1,
                texture=35,
                turn=(0, 0, side * 12),
            )
        arch = self.blobs[-4].center_mm
        self._at("canal", arch + np.array([0.0, -1.0, 0.0]), (9.5, 8, 900), 28)

    def _at(self, id: str, center: Array, radii: tuple[float, float, float], hu: float, *, inside: str = "") -> None:
        """Paint a blob at a place already in this patient's millimetres."""
        wobble = np.column_stack(
            [self.rng.uniform(0.02, 0.06, 3), self.rng.uniform(-4, 4, (3, 3)), self.rng.uniform(0, 6.28, 3)]
        )
        self.blobs.append(Blob(id, center, np.array(radii), np.eye(3), wobble, hu, inside=inside))

    def _lesions(self) -> None:
        liver = next(blob for blob in self.blobs if blob.id == "liver")
        for id, chance, low, high, contrast in (
            ("liver-tumor", 0.55, 11, 26, -48.0),
            ("liver-cyst", 0.45, 8, 20, None),
        ):
            if self.rng.random() < chance:
                hu = 6.0 + self.uniform(-5, 5) if contrast is None else liver.hu + contrast + self.uniform(-8, 8)
                self._lesion(id, liver, "liver", self.uniform(low, high), hu, reach=0.62)
        kidneys = {blob.id: blob for blob in self.blobs if blob.id in ("right-kidney", "left-kidney")}
        for id, chance, low, high, mean, reach in (
            ("kidney-cyst", 0.6, 8, 16, 6.0, 0.8),
            ("kidney-stone", 0.5, 4, 7, 750.0, 0.4),
        ):
            if self.rng.random() < chance:
                side = str(self.rng.choice(sorted(kidneys)))
                free = "" if id == "kidney-cyst" else side
                hu = mean + self.uniform(-0.15, 0.15) * abs(mean)
                self._lesion(id, kidneys[side], free, self.uniform(low, high), hu, reach=reach)
        if self.rng.random() < 0.6:
            side = str(self.rng.choice(["right-lung", "left-lung"]))
            lung = next(blob for blob in self.blobs if blob.id == side)
            direction = np.array([self.uniform(-0.5, 0.5), self.uniform(-0.5, 0.6), self.uniform(-0.75, -0.45)])
            self._at_radius("lung-nodule", lung, direction, self.uniform(6, 13), 35 + self.uniform(-15, 25), side)

    def _lesion(self, id: str, host: Blob, inside: str, radius: float, hu: float, *, reach: float) -> None:
        direction = self.rng.normal(size=3)
        direction *= reach * self.uniform(0.4, 1.0) / np.linalg.norm(direction)
        self._at_radius(id, host, direction, radius, hu, inside)

    def _at_radius(self, id: str, host: Blob, where: Array, radius: float, hu: float, inside: str) -> None:
        center = host.center_mm + host.rotation.T @ (where * host.radii_mm)
        stretch = self.rng.uniform(0.85, 1.15, 3)
        radii = (radius * stretch[0], radius * stretch[1], radius * stretch[2])
        self._at(id, center, radii, hu, inside=inside)
