"""What compressed frames say about themselves is read from any bytes, and put right before a decoder sees it."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import generate_frames

from engine.scans.codestreams import FrameFacts, jpeg2000, jpeg_facts

_PICTURE = np.arange(37 * 21, dtype=np.uint16).reshape(37, 21) * 5
_COLOUR = np.arange(37 * 21 * 3, dtype=np.uint32).reshape(37, 21, 3).astype(np.uint8)
_J2K = imagecodecs.jpeg2k_encode(_PICTURE, level=0, codecformat="J2K", bitspersample=12, reversible=True)
_JLS = imagecodecs.jpegls_encode(_PICTURE)
_SOT = b"\xff\x90\x00\x0a"


def test_jpeg_frames_tell_their_size():
    assert jpeg_facts(_JLS) == FrameFacts(37, 21, 1, 16)
    assert jpeg_facts(imagecodecs.jpegls_encode(_COLOUR)) == FrameFacts(37, 21, 3, 8)
    deep = imagecodecs.jpeg8_encode(_PICTURE, bitspersample=12)
    assert jpeg_facts(deep) == FrameFacts(37, 21, 1, 12)
    assert jpeg_facts(imagecodecs.jpeg8_encode(_PICTURE, lossless=True, bitspersample=16)) == FrameFacts(37, 21, 1, 16)


def test_a_codestream_in_order_is_handed_on_as_it_is():
    facts, codestream = jpeg2000(_J2K)
    assert facts == FrameFacts(37, 21, 1, 12)
    assert codestream == _J2K


def test_signed_components_tell_their_precision():
    signed = imagecodecs.jpeg2k_encode(_PICTURE.astype(np.int16) - 100, level=0, codecformat="J2K")
    assert jpeg2000(signed)[0] == FrameFacts(37, 21, 1, 16)


def test_boxes_around_a_codestream_are_left_off():
    boxed = imagecodecs.jpeg2k_encode(_COLOUR, level=0, codecformat="JP2")
    facts, codestream = jpeg2000(boxed)
    assert facts == FrameFacts(37, 21, 3, 8)
    assert codestream.startswith(b"\xff\x4f\xff\x51")
    assert np.array_equal(imagecodecs.jpeg2k_decode(codestream), imagecodecs.jpeg2k_decode(boxed))


def test_padding_after_the_last_tile_is_left_off():
    assert jpeg2000(_J2K + b"\0")[1] == _J2K
    assert jpeg2000(_J2K + b"\0rubbish")[1] == _J2K


def test_tile_parts_tell_how_many_there_are(pydicom_files: Path):
    # Its writer counted one too few in each tile.
    dataset = pydicom.dcmread(pydicom_files / "GDCMJ2K_TextGBR.dcm")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    before, after = frame, jpeg2000(frame)[1]
    assert (before.count(_SOT), after.count(_SOT)) == (96, 96)
    assert before[before.index(_SOT) + 11] == 5
    assert after[after.index(_SOT) + 11] == 6


def test_missing_tile_parts_are_not_shown_as_a_whole_picture(pydicom_files: Path):
    dataset = pydicom.dcmread(pydicom_files / "GDCMJ2K_TextGBR.dcm")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    places = [place for place in range(len(frame)) if frame[place : place + 4] == _SOT]
    for place in (places[1], places[40], places[79]):
        with pytest.raises(ValueError, match="truncated"):
            jpeg2000(frame[:place])


def test_an_index_of_tile_lengths_becomes_a_comment():
    indexed = imagecodecs.htj2k_encode(_PICTURE, reversible=True, tlm=True)
    assert b"\xff\x55" in indexed[: indexed.index(_SOT)]
    codestream = jpeg2000(indexed)[1]
    assert b"\xff\x55" not in codestream[: codestream.index(_SOT)]
    assert len(codestream) == len(indexed)
    assert np.array_equal(imagecodecs.jpeg2k_decode(codestream), _PICTURE)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (41, b"\x02", "differ"),
        (40, b"\0\0", "differ"),
        (43, b"\x02", "subsampled"),
        (24, b"\0\0\0\0", "size"),
        (16, b"\0\0\1\0", "size"),
        (8, struct.pack(">8L", 4096, 4096, 0, 0, 8, 8, 0, 0), "262144 tiles"),
    ],
)
def test_a_senseless_size_is_refused(place: int, value: bytes, said: str):
    broken = bytearray(_J2K)
    broken[place : place + len(value)] = value
    with pytest.raises(ValueError, match=said):
        jpeg2000(bytes(broken))


@pytest.mark.parametrize("place", [5, 10])
def test_tile_parts_out_of_order_are_refused(place: int):
    broken = bytearray(_J2K)
    broken[broken.index(_SOT) + place] += 1
    with pytest.raises(ValueError, match="out of order"):
        jpeg2000(bytes(broken))


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd8\xff\xd8\xff", b"rubbish" * 20])
def test_what_is_no_picture_is_refused(frame: bytes):
    for read in (jpeg_facts, jpeg2000):
        with pytest.raises(ValueError, match="it"):
            read(frame)


@settings(max_examples=300)
@given(
    st.sampled_from([_J2K, _JLS]),
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=6)), max_size=6),
    st.integers(0, 400),
)
def test_any_bytes_give_facts_or_a_value_error(whole: bytes, changes: list[tuple[int, bytes]], cut: int):
    broken = bytearray(whole)
    for place, value in changes:
        broken[place : place + len(value)] = value
    for frame in (bytes(broken), bytes(broken[:cut])):
        for read in (jpeg_facts, jpeg2000):
            try:
                read(frame)
            except ValueError:
                continue
