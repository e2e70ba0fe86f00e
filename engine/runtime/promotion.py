"""Which adapter a model answers with by default: the last line of a history that only grows.

``adapters/history.json`` beside the adapters. Each promotion and each rollback is an entry that holds the hash of the
one before it. The file is replaced as a whole, so a kill leaves the old adapter in use or the new one, never neither.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.locks import only_process
from engine.runtime.adapter import ADAPTER_FILE, AdapterManifest, adapters_folder
from engine.runtime.errors import ModelError
from engine.runtime.manifest import ModelManifest

HISTORY_FILE = "history.json"
_LOCK_FILE = ".lock"
_WAIT_S = 30.0
PROMOTE, ROLL_BACK = "promote", "rollback"
FORMAT = 1
_START = "0" * 64


@dataclass(frozen=True, slots=True)
class Switch:
    """One entry. base : `ModelManifest.sha256`. adapter, adapter_sha256 : what answers from then on; "" for the base
    alone. reason : why a failed gate was overridden, or what was wrong. facts : of the gate and the run.
    created : ISO 8601, UTC. before : hash of the entry before, zeros for the first.
    """

    action: str
    base: str
    adapter: str
    adapter_sha256: str
    who: str
    created: str
    before: str
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of all it says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_history() -> tuple[Switch, ...]:
    """All switches of all models, oldest first. Raises `ModelError` when the file cannot be read or was altered."""
    path = _path()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']!r}, this version reads {FORMAT}")
        switches = tuple(Switch(**one) for one in said["switches"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read the history of adapters {path}: {error}; restore the file") from error
    before = _START
    for number, switch in enumerate(switches, start=1):
        if switch.before != before:
            raise ModelError(
                f"entry {number} of the history of adapters {path} does not follow the one before: restore it"
            )
        before = switch.sha256
    if switches and said.get("last") != before:
        raise ModelError(f"the history of adapters {path} was altered in its last entry: restore the file")
    return switches


def adapter_in_use(manifest: ModelManifest) -> AdapterManifest | None:
    """The adapter that this model answers with by default, None for the base alone.

    Raises `ModelError` when the history or the adapter cannot be read, or is not the one that was promoted.
    """
    stack = _stack(read_history(), manifest)
    return _promoted(stack[-1], manifest) if stack else None


def switch_in_use(manifest: ModelManifest) -> Switch | None:
    """The entry that says with which adapter a model answers, whether or not that can be read; None for the base alone.

    Raises `ModelError` when the history cannot be read.
    """
    stack = _stack(read_history(), manifest)
    return stack[-1] if stack else None


def promote_adapter(
    source: AdapterManifest,
    manifest: ModelManifest,
    who: str,
    *,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> AdapterManifest:
    """Keep an adapter's folder beside the others and let the model answer with it from its next opening on.

    reason : why, where a gate did not pass. Raises `ModelError` for an adapter of another model or an altered one, and
    when it cannot be written; `BusyError` while another process promotes one.
    """
    source.require_base(manifest)
    source.verify()
    with _writing():
        stack = _stack(read_history(), manifest)
        if stack and stack[-1].adapter == source.id:
            raise ModelError(f"the adapter {source.id} is in use already")
        kept = _keep(source)
        _append(PROMOTE, manifest, kept, who, reason, facts or {})
    return kept


def roll_back(manifest: ModelManifest, who: str, *, reason: str = "", to_base: bool = False) -> AdapterManifest | None:
    """Answer again with what was in use before the current adapter; returns it, None for the base alone.

    to_base : with the base alone at once. Raises `ModelError` when there is nothing to go back from, or what was in use
    before is not there any more; `BusyError` while another process promotes one.
    """
    with _writing():
        stack = _stack(read_history(), manifest)
        if not stack:
            raise ModelError(f"the model {manifest.id} answers without an adapter: there is nothing to go back from")
        target = None if to_base or len(stack) == 1 else _promoted(stack[-2], manifest)
        _append(ROLL_BACK, manifest, target, who, reason, {})
    return target


def _stack(switches: Sequence[Switch], manifest: ModelManifest) -> list[Switch]:
    """The promotions of a model that are not taken back, the one in use last."""
    stack: list[Switch] = []
    for switch in switches:
        if switch.base != manifest.sha256:
            continue
        if switch.action == PROMOTE:
            stack.append(switch)
        elif switch.adapter:
            stack.pop()
        else:
            stack.clear()
    return stack


def _promoted(switch: Switch, manifest: ModelManifest) -> AdapterManifest:
    adapter = AdapterManifest.read(adapters_folder() / switch.adapter)
    adapter.require_base(manifest)
    if adapter.file.sha256 != switch.adapter_sha256:
        raise ModelError(f"the adapter {adapter.folder} is not the one that was promoted: medrega feedback rollback")
    return adapter


def _keep(source: AdapterManifest) -> AdapterManifest:
    """A copy beside the others, under its name only once it is whole."""
    target = adapters_folder() / source.id
    if (target / ADAPTER_FILE).is_file():
        kept = AdapterManifest.read(target)
        kept.verify()
        if kept.file.sha256 != source.file.sha256:
            raise ModelError(f"another adapter is called {source.id}: {target}")
        return _with_news(kept, source)
    part = target.with_name(f".{source.id}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source.folder, part)
    for file in part.iterdir():
        with whole_file(file) as temporary:
            shutil.copyfile(source.folder / file.name, temporary)
    part.rename(target)
    kept = AdapterManifest.read(target)
    kept.verify()
    return kept


def _with_news(kept: AdapterManifest, source: AdapterManifest) -> AdapterManifest:
    """With what is written beside the weights as it is at the source today: it may have been judged again."""
    if kept.folder.resolve() == source.folder.resolve():
        return kept
    for file in source.folder.iterdir():
        if file.is_file() and file.name != source.file.name:
            with whole_file(kept.folder / file.name) as temporary:
                shutil.copyfile(file, temporary)
    return AdapterManifest.read(kept.folder)


def _append(
    action: str,
    manifest: ModelManifest,
    adapter: AdapterManifest | None,
    who: str,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    switches = read_history()
    switch = Switch(
        action,
        manifest.sha256,
        adapter.id if adapter else "",
        adapter.file.sha256 if adapter else "",
        who,
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        switches[-1].sha256 if switches else _START,
        reason,
        dict(facts),
    )
    document = {"format": FORMAT, "last": switch.sha256, "switches": [asdict(one) for one in (*switches, switch)]}
    with whole_file(_path()) as temporary:
        temporary.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _writing() -> Iterator[None]:
    folder = adapters_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The history is read and written again: of two at once, one would lose the other's entry.
        with only_process(folder / _LOCK_FILE, "the adapters", _WAIT_S):
            yield
    except OSError as error:
        raise ModelError(f"cannot write to the folder of adapters {folder}: {error.strerror}") from error


def _path() -> Path:
    return adapters_folder() / HISTORY_FILE
