"""Snapshots and adapters go to another machine whole, or not at all; what is forged or broken leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.feedback.bundle import Bundle, write_bundle
from engine.feedback.errors import FeedbackError
from engine.feedback.identifiers import Identifiers
from engine.feedback.snapshots import open_snapshot
from engine.feedback.unbundle import Unbundled, read_bundle
from engine.progress import NoProgress
from engine.runtime import AdapterManifest, ModelError, ModelFile
from engine.store import AnnotationStore, SnapshotRow
from tests.clinic import decide_clinic, write_clinic

WHO = Identifiers(["Okafor^Ada", "MRN7000"])


def make_adapter(folder: Path, seed: int = 0, **scores: object) -> AdapterManifest:
    gguf = pytest.importorskip("gguf")
    folder.mkdir(parents=True)
    out = gguf.GGUFWriter(folder / "adapter.gguf", "llama")
    out.add_type("adapter")
    out.add_string("adapter.type", "lora")
    out.add_float32("adapter.lora.alpha", 4.0)
    values = np.random.default_rng(seed).normal(size=(4, 64)).astype(np.float32)
    out.add_tensor("blk.0.attn_q.weight.lora_a", values)
    out.add_tensor("blk.0.attn_q.weight.lora_b", np.ascontiguousarray(values.T))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    made = AdapterManifest(folder.name, "Site A", "b" * 64, folder, ModelFile.of(folder / "adapter.gguf"), 1.0, scores)
    made.write()
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AnnotationStore, SnapshotRow, AdapterManifest]]:
    """A machine with a snapshot and an adapter."""
    pytest.importorskip("imagehash")
    from training.feedback.snapshot import SnapshotSettings, take_snapshot

    folder = tmp_path_factory.mktemp("home")
    scans = write_clinic(folder / "scans", ["Okafor^Ada", "Meyer^Cem"])
    with AnnotationStore.open(folder / "a.sqlite") as store:
        decide_clinic(store, scans)
        taken = take_snapshot(store, SnapshotSettings(), "ann", NoProgress(), folder / "snapshots")
        yield store, taken.row, make_adapter(folder / "adapters" / "site-a", accuracy=0.9)


@pytest.fixture(scope="module")
def bundle(home, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    store, row, adapter = home
    out = tmp_path_factory.mktemp("out") / "b.zip"
    return write_bundle(out, [row], [adapter], Identifiers(store.identifying_texts()), NoProgress())


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Callable[..., Unbundled]]:
    """Another machine: imports a file, and leaves nothing behind when it cannot."""
    with AnnotationStore.open(tmp_path / "away.sqlite") as store:

        def take(path: Path, **more: str) -> Unbundled:
            places = {"snapshots": tmp_path / "snapshots", "adapters": tmp_path / "adapters"}
            try:
                return read_bundle(path, store, "eve", NoProgress(), **places, **more)
            except (FeedbackError, ModelError):
                assert store.snapshots.all() == []
                for place in places.values():
                    assert not place.exists() or list(place.iterdir()) == []
                raise

        take.store = store
        yield take


def forged(bundle: Bundle, out: Path, change: Callable[[dict[str, bytes]], None], *, sign: bool = True) -> Path:
    """The bundle with other members, and lists that fit them."""
    with zipfile.ZipFile(bundle.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lists = ("SHA256SUMS", "SHA256SUMS.sha256")
    change(members)
    if sign:
        named = sorted(set(members) - set(lists))
        text = "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in named).encode()
        members[lists[0]] = text
        members[lists[1]] = f"{hashlib.sha256(text).hexdigest()}  SHA256SUMS\n".encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out


def test_what_was_packed_is_there_on_the_other_machine(home, bundle, away):
    _, row, adapter = home
    done = away(bundle.path, expected=bundle.sha256.upper())
    assert done.new == (row.hash, "site-a")
    (kept,) = away.store.snapshots.all()
    assert (kept.hash, kept.filters, kept.counts, kept.who) == (row.hash, row.filters, row.counts, "eve")
    assert (row.imported, kept.imported) == (False, True)
    assert open_snapshot(kept).train.is_dir()
    arrived = AdapterManifest.read(done.folders[1])
    arrived.verify()
    assert (arrived.id, arrived.file, dict(arrived.scores)) == (adapter.id, adapter.file, {"accuracy": 0.9})
    assert away(bundle.path).new == ()
    assert len(away.store.snapshots.all()) == 1
    assert away.store.audit_problems() == []


def test_the_same_content_is_the_same_file(home, bundle, tmp_path):
    _, row, adapter = home
    again = write_bundle(tmp_path / "again.zip", [row], [adapter], WHO, NoProgress())
    assert again.sha256 == bundle.sha256
    assert again.path.read_bytes() == bundle.path.read_bytes()


def test_an_adapter_that_tells_who_a_patient_is_is_not_packed(home, tmp_path):
    _, row, _ = home
    adapter = make_adapter(tmp_path / "adapters" / "told", by_patient={"MRN7000": 0.5})
    with pytest.raises(FeedbackError, match=r"adapter\.json line 1 holds a patient's name or number"):
        write_bundle(tmp_path / "b.zip", [row], [adapter], WHO, NoProgress())
    (tmp_path / "adapters" / "plain").mkdir()
    plain = make_adapter(tmp_path / "adapters" / "plain" / "x")
    (plain.folder / "run.sh").write_text("")
    with pytest.raises(FeedbackError, match=r"run\.sh is no file that a bundle takes"):
        write_bundle(tmp_path / "b.zip", [], [plain], WHO, NoProgress())
    with pytest.raises(FeedbackError, match="name at least one"):
        write_bundle(tmp_path / "b.zip", [], [], WHO, NoProgress())
    assert not (tmp_path / "b.zip").exists()


def test_another_bundle_than_the_expected_is_refused(bundle, away):
    with pytest.raises(FeedbackError, match="another bundle than the expected one"):
        away(bundle.path, expected="0" * 64)


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.sha256", "bundle.json", "adapters/site-a/adapter.gguf"])
def test_a_flipped_byte_is_found(bundle, away, tmp_path, name):
    def flip(members: dict[str, bytes]) -> None:
        members[name] = members[name][:-2] + bytes([members[name][-2] ^ 1]) + members[name][-1:]

    with pytest.raises(FeedbackError):
        away(forged(bundle, tmp_path / "f.zip", flip, sign=False))


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "/evil.json", "snapshots/../../evil.json", "C:/evil.json", "adapters/site-a/run.sh", "x.json"],
)
def test_a_file_that_would_lie_elsewhere_is_refused(bundle, away, tmp_path, name):
    with pytest.raises(FeedbackError, match="broken or made to harm"):
        away(forged(bundle, tmp_path / "f.zip", lambda members: members.update({name: b"{}"})))
    assert not (tmp_path.parent / "evil.json").exists()


def test_a_forged_snapshot_or_adapter_is_refused_though_the_lists_fit(home, bundle, away, tmp_path):
    _, row, _ = home
    inner = f"snapshots/{row.hash[:16]}/snapshot.json"
    with pytest.raises(FeedbackError, match=r"snapshot\.json is not what was written"):
        away(forged(bundle, tmp_path / "a.zip", lambda members: members.update({inner: b"{}"})))
    with pytest.raises(ModelError, match="altered"):
        away(forged(bundle, tmp_path / "b.zip", lambda m: m.update({"adapters/site-a/adapter.gguf": b"GGUF"})))
    with pytest.raises(FeedbackError, match="does not hold the files of its list"):
        away(forged(bundle, tmp_path / "c.zip", lambda members: members.pop(inner), sign=False))


def test_what_claims_too_much_is_not_unpacked(bundle, away, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in ("SHA256SUMS", "SHA256SUMS.sha256"):
            archive.writestr(name, b"")
        archive.writestr("bundle.json", bytes(70 << 20))
    with pytest.raises(FeedbackError, match=r"more than 67,108,864 bytes|not what was written"):
        away(path)
    (tmp_path / "no.zip").write_bytes(b"PK no zip")
    with pytest.raises(FeedbackError, match="cannot unpack"):
        away(tmp_path / "no.zip")
    with pytest.raises(FeedbackError, match="there is no bundle"):
        away(tmp_path / "gone.zip")


def test_another_adapter_of_that_name_keeps_its_place(bundle, tmp_path):
    mine = make_adapter(tmp_path / "adapters" / "site-a", seed=5)
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        with pytest.raises(FeedbackError, match="another adapter is called site-a here"):
            read_bundle(
                bundle.path, store, "eve", NoProgress(), snapshots=tmp_path / "s", adapters=tmp_path / "adapters"
            )
        assert store.snapshots.all() == []
    mine.verify()
    assert list((tmp_path / "s").iterdir()) == []


def test_a_bundle_of_a_newer_version_says_so(bundle, away, tmp_path):
    def newer(members: dict[str, bytes]) -> None:
        members["bundle.json"] = json.dumps({**json.loads(members["bundle.json"]), "format": 2}).encode()

    with pytest.raises(FeedbackError, match="update MedRegA Desktop"):
        away(forged(bundle, tmp_path / "f.zip", newer))
