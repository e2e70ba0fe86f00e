"""What all endpoints share: the models, and the reader of pictures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.runtime import ModelManifest
from engine.scans import Volume
from engine.service.desk import Desk
from engine.service.limits import ServiceLimits
from engine.service.reading import UploadReader
from engine.service.refusal import Refusal
from engine.service.uploads import read_upload


class Post:
    """One running service. manifests : the models that it answers with, the first of them by default."""

    def __init__(self, manifests: Sequence[ModelManifest], limits: ServiceLimits) -> None:
        self.limits = limits
        self._stopping = threading.Event()
        self._desks = {manifest.id: Desk(manifest, limits, self._stopping) for manifest in manifests}
        self._reader = UploadReader(limits)
        # Not the loop's own pool: a picture that takes long must not keep others waiting.
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="read")

    @property
    def manifests(self) -> list[ModelManifest]:
        """Of all models, in order."""
        return [desk.manifest for desk in self._desks.values()]

    def start(self) -> None:
        """Load every model. Raises `ModelError`, `EngineError`, `Cancelled`."""
        self._reader.start()
        for desk in self._desks.values():
            desk.start()

    def stop(self) -> None:
        """Give up all questions. May be called from a signal's handler."""
        self._stopping.set()

    def close(self) -> None:
        """End every process."""
        self.stop()
        self._reader.close()
        self._reading.shutdown(wait=True, cancel_futures=True)
        for desk in self._desks.values():
            desk.close()

    def desk(self, model: str) -> Desk:
        """A model by its id, the first for "". Raises `Refusal` for one that is not served."""
        if not model:
            return next(iter(self._desks.values()))
        if model not in self._desks:
            raise Refusal(
                404, f"there is no model {model!r} here: /v1/models lists them", code="model_not_found", param="model"
            )
        return self._desks[model]

    async def read(self, image: str, param: str) -> Volume:
        """The scan in a request. Raises `Refusal`, `ScanError`, `EngineError`."""

        def work() -> Volume:
            return self._reader.read(read_upload(image, param))

        return await asyncio.get_running_loop().run_in_executor(self._reading, work)
