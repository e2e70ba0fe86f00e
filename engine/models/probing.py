"""A first try of a model's files, in a child process."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MedRegAError
from engine.runtime.device import Device, DeviceKind
from engine.runtime.manifest import ModelFile, ModelManifest


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """text, mmproj : names of the files in the folder. image : (S, S, 3) uint8, the size that the tower is given."""

    folder: Path
    text: str
    mmproj: str
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ProbeResult:
    """embedding : (image tokens, text width) float32 of the probe's image."""

    embedding: NDArray[np.float32]


def probe_model(connection: Connection, probe: Probe) -> None:
    """Load the files and encode the image; send a `ProbeResult`, or in words why not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One picture, and no reason to fail for want of a GPU's memory.
    os.environ.update(Device(DeviceKind.CPU).variables(os.environ))
    from engine.runtime.llama import LlamaModel

    # No hashes: these files are being looked at, not yet a model. 0 tokens: as many as the tower makes.
    files = {"text": ModelFile(probe.text, "", 0), "mmproj": ModelFile(probe.mmproj, "", 0)}
    side = probe.image.shape[0]
    manifest = ModelManifest("new", "", "", "medrega", probe.folder, files, side, 0, 4096, 1.0, 0.0)
    try:
        model = LlamaModel(manifest, threads=1)
        embedding = model.embed_image(probe.image)
    except MedRegAError as error:
        connection.send(str(error))
        return
    if not np.isfinite(embedding).all():
        connection.send(f"the vision tower {probe.folder / probe.mmproj} makes what is no number: get it again")
        return
    connection.send(ProbeResult(embedding))
