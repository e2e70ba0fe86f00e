"""Hostile GGUF headers end here."""

from __future__ import annotations

import struct

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.runtime import ModelError, check_gguf

# How much of the file the mutations touch: keys, and the table of tensors behind them.
HEADER = 12_000


def header(tensors=0, keys=0, version=3, magic=b"GGUF"):
    return magic + struct.pack("<IQQ", version, tensors, keys)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def tensor(name="t", shape=(8,), kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


ALIGN = lambda n: key("general.alignment", 4, struct.pack("<I", n))  # noqa: E731
PAD = bytes(4096)

HOSTILE = {
    "empty": (b"", "ends in the middle"),
    "other magic": (header(magic=b"GGML"), "does not begin with GGUF"),
    "version 2": (header(version=2), "version 2"),
    "other byte order": (header(version=0x03000000), "version"),
    "cut": (header(1) + tensor()[:-3], "ends in the middle"),
    "many tensors": (header(1 << 60), "tensors"),
    "many keys": (header(0, 1 << 60), "keys"),
    "huge text": (header(0, 1) + struct.pack("<Q", 1 << 62), "text of"),
    "text past the end": (header(0, 1) + struct.pack("<Q", 1000) + b"abc", "ends in the middle"),
    "text not utf-8": (header(0, 1) + key(b"\xff\xfe", 4, b"1234"), "UTF-8"),
    "empty key": (header(0, 1) + key("", 4, b"1234"), "without a name"),
    "key twice": (header(0, 2) + key("a", 0, b"1") * 2, "twice"),
    "unknown type": (header(0, 1) + key("a", 99, b""), "unknown type 99"),
    "array of arrays": (header(0, 1) + key("a", 9, struct.pack("<IQ", 9, 1)), "array of the type 9"),
    "huge array": (header(0, 1) + key("a", 9, struct.pack("<IQ", 4, 1 << 62)), "array of"),
    "array past the end": (header(0, 1) + key("a", 9, struct.pack("<IQ", 4, 1 << 20)), "ends in the middle"),
    "alignment 0": (header(0, 1) + ALIGN(0), "alignment of 0"),
    "alignment 48": (header(0, 1) + ALIGN(48), "alignment of 48"),
    "alignment as text": (header(0, 1) + key("general.alignment", 8, text("32")), "32-bit"),
    "tensor past the end": (header(1) + tensor(shape=(1 << 20,)) + PAD, "beyond the end"),
    "size wraps round": (header(1) + tensor(shape=(1 << 40, 1 << 40, 1 << 40, 1 << 40)) + PAD, "beyond the end"),
    "negative size": (header(1) + tensor(shape=(1 << 63,)) + PAD, "impossible shape"),
    "no size": (header(1) + tensor(shape=(0,)) + PAD, "impossible shape"),
    "5 dimensions": (header(1) + tensor(shape=(1,) * 5) + PAD, "5 dimensions"),
    "no dimensions": (header(1) + tensor(shape=()) + PAD, "0 dimensions"),
    "half a block": (header(1) + tensor(shape=(33,), kind=8) + PAD, "impossible shape"),
    "unknown tensor type": (header(1) + tensor(kind=4) + PAD, "unknown type 4"),
    "misaligned": (header(1) + tensor(offset=4) + PAD, "misaligned"),
    "offset wraps round": (header(1) + tensor(offset=(1 << 64) - 32) + PAD, "beyond the end"),
    "overlap": (header(2) + tensor("a", (64,)) + tensor("b", (64,), offset=32) + PAD, "overlaps"),
    "tensor twice": (header(2) + tensor("a") + tensor("a", offset=32) + PAD, "twice"),
    "long name": (header(1) + tensor("肝" * 22) + PAD, "too long"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_refused_with_the_file_and_the_defect(name, tmp_path):
    content, words = HOSTILE[name]
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as error:
        check_gguf(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


ARCH = key("general.architecture", 8, text("llama"))


def number(name, value):
    return key(name, 4, struct.pack("<I", value))


def texts(name, values):
    return key(name, 9, struct.pack("<IQ", 8, len(values)) + b"".join(text(value) for value in values))


IMPOSSIBLE = {
    "no architecture": (header(0, 1) + number("a", 1), "general.architecture"),
    "no layers": (header(0, 2) + ARCH + number("llama.block_count", 0), "block_count is 0"),
    "a million layers": (header(0, 2) + ARCH + number("llama.block_count", 1 << 20), "block_count is"),
    "layers as text": (header(0, 2) + ARCH + key("llama.block_count", 8, text("2")), "block_count is 2"),
    "heads that do not divide": (
        header(0, 3) + ARCH + number("llama.embedding_length", 64) + number("llama.attention.head_count", 7),
        "do not divide",
    ),
    "fewer layers than claimed": (
        header(1, 2) + ARCH + number("llama.block_count", 3) + tensor("blk.0.x") + PAD,
        "claims 3 layers",
    ),
    "a table of another width": (
        header(1, 2) + ARCH + number("llama.embedding_length", 16) + tensor("token_embd.weight", (8, 2)) + PAD,
        "is 8 wide",
    ),
    "fewer rows than tokens": (
        header(1, 2) + ARCH + texts("tokenizer.ggml.tokens", "abc") + tensor("token_embd.weight", (8, 2)) + PAD,
        "a row for each of the 3 tokens",
    ),
    "a token that is not there": (
        header(0, 3) + ARCH + texts("tokenizer.ggml.tokens", "abc") + number("tokenizer.ggml.eos_token_id", 3),
        "eos_token_id is 3",
    ),
    "a token twice": (header(0, 2) + ARCH + texts("tokenizer.ggml.tokens", "aba"), "stands twice"),
    "types of fewer tokens": (
        header(0, 3)
        + ARCH
        + texts("tokenizer.ggml.tokens", "abc")
        + key("tokenizer.ggml.token_type", 9, struct.pack("<IQi", 5, 1, 1)),
        "for each of the 3 tokens",
    ),
    "two means": (
        header(0, 2)
        + key("general.architecture", 8, text("clip"))
        + key("clip.vision.image_mean", 9, struct.pack("<IQff", 6, 2, 0, 0)),
        "not three numbers",
    ),
    "a truth value of 7": (header(0, 2) + ARCH + key("a", 7, b"\x07"), "neither 0 nor 1"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_sound_header_with_impossible_numbers_is_refused(name, tmp_path):
    content, words = IMPOSSIBLE[name]
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as error:
        check_gguf(path)
    assert words in str(error.value)


def test_a_file_that_is_not_there_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"none\.gguf"):
        check_gguf(tmp_path / "none.gguf")


@pytest.mark.parametrize("role", ["text", "mmproj"])
def test_a_sound_file_passes(random_model, role):
    check_gguf(random_model.path(role))


@pytest.fixture(scope="module")
def sound(random_model):
    return random_model.path("mmproj").read_bytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, HEADER - 8),
            st.binary(min_size=1, max_size=8)
            | st.sampled_from([b"\xff" * 8, bytes(8), b"\xff" * 4, struct.pack("<Q", 1 << 63)]),
        ),
        max_size=3,
    ),
    cut=st.integers(0, HEADER) | st.none(),
)
def test_a_mutated_header_is_refused_or_says_nothing_false(sound, tmp_path, edits, cut):
    content = bytearray(sound)
    for at, new in edits:
        content[at : at + len(new)] = new
    path = tmp_path / "mutated.gguf"
    path.write_bytes(content if cut is None else content[:cut])
    try:
        check_gguf(path)
    except ModelError:
        return
    # Another reader must agree that every tensor lies inside the file, behind the header.
    for one in gguf.GGUFReader(path).tensors:
        assert 0 < one.data_offset <= one.data_offset + one.n_bytes <= len(content)


class TestTowers:
    """Towers that clip.cpp would read through a null pointer, or assert on."""

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            (b"v.patch_embd.weight", b"v.patch_embD.weight", "v.patch_embd.weight"),
            (b"v.blk.1.attn_k.weight", b"v.blk.1.attn_K.weight", "v.blk.1.attn_k.weight"),
            (b"v.blk.0.attn_v.weight", b"v,blk.0.attn_v.weight", "v.blk.0.attn_v.weight"),
            (b"mm.model.mlp.3.bias", b"mm.model.mlp.4.bias", "mm.model.mlp.3.bias"),
            (b"v.blk.1.ls2.weight", b"v.blk.1.ls3.weight", "v.blk.1.ls2.weight"),
        ],
    )
    def test_one_without_a_tensor_is_refused(self, sound, tmp_path, old, new, words):
        path = tmp_path / "x.gguf"
        path.write_bytes(sound.replace(old, new))
        with pytest.raises(ModelError, match=rf"lacks the tensor {words}"):
            check_gguf(path)

    def test_one_whose_norm_is_too_short_is_refused(self, sound, tmp_path):
        name = text("v.blk.0.ln2.weight")
        at = sound.index(name) + len(name) + 4
        path = tmp_path / "x.gguf"
        path.write_bytes(sound[:at] + struct.pack("<Q", 63) + sound[at + 8 :])
        with pytest.raises(ModelError, match="impossible shape"):
            check_gguf(path)

    def test_blocks_of_another_familys_tower_must_be_alike(self, sound, tmp_path):
        other = sound.replace(text("internvl"), text("gemma3ab"))
        path = tmp_path / "x.gguf"
        path.write_bytes(other)
        check_gguf(path)
        path.write_bytes(other.replace(b"v.blk.1.attn_k.weight", b"v.blk.1.attn_K.weight"))
        with pytest.raises(ModelError, match=r"lacks the tensor v\.blk\.1\.attn_k\.weight"):
            check_gguf(path)
