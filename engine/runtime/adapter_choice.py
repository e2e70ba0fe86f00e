"""Which adapter a session's questions are answered with: the person's choice, or the one promoted last."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from engine.regions import LabelSet
from engine.runtime.adapter import AdapterManifest, known_labels
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import AskResult, BatchResult
from engine.runtime.promotion import adapter_in_use


class Chosen(Enum):
    """CHOSEN : with whatever adapter the session has."""

    CHOSEN = "chosen"


CHOSEN = Chosen.CHOSEN
AdapterWish = AdapterManifest | Chosen | None


class AdapterChoice:
    """Of one session. follows : take what is promoted for the model, at the first question and whenever that changes.

    wanted : what the next question is answered with. in_use : what the process that runs has; a new one has none.
    """

    def __init__(self, manifest: ModelManifest, *, follows: bool) -> None:
        self._manifest = manifest
        self._follows = follows
        self._promoted: AdapterManifest | None = None
        self.wanted: AdapterManifest | None = None
        self.in_use: AdapterManifest | None = None

    def follow(self) -> None:
        """Take what was promoted or rolled back since the last look. Raises `ModelError`; nothing has changed then."""
        if not self._follows:
            return
        promoted = adapter_in_use(self._manifest)
        if promoted != self._promoted:
            self._use(promoted)
            self._promoted = promoted

    def choose(self, adapter: AdapterManifest | None) -> None:
        """The person wants another one: until the next promotion. Raises `ModelError`."""
        self.follow()
        self._use(adapter)

    def _use(self, adapter: AdapterManifest | None) -> None:
        if adapter is not None:
            adapter.require_base(self._manifest)
            adapter.verify()
        self.wanted = adapter

    def resolve(self, wish: AdapterWish) -> AdapterManifest | None:
        """What a question is to be answered with."""
        return self.wanted if isinstance(wish, Chosen) else wish

    def labels(self, wish: AdapterWish) -> LabelSet:
        """The names that answers to such a question can have. Raises `ModelError`, `LabelError`."""
        self.follow()
        return known_labels(self._manifest, self.resolve(wish))

    def sign(self, reply: AskResult | BatchResult) -> AskResult | BatchResult:
        """Say in an answer which adapter gave it."""
        made_by = self.in_use.id if self.in_use else None
        if isinstance(reply, BatchResult):
            return replace(reply, results=tuple(replace(one, adapter=made_by) for one in reply.results))
        return replace(reply, adapter=made_by)
