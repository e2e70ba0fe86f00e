"""The picture as the vision tower takes it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engine.runtime import to_model_image


def test_a_picture_of_the_towers_size_stays_as_it_is(picture):
    square = np.ascontiguousarray(picture[:56, :56])
    assert np.array_equal(to_model_image(square, 56), square)


def test_any_other_is_stretched_by_pillows_bicubic_without_padding(picture):
    expected = np.asarray(Image.fromarray(picture).resize((56, 56), Image.Resampling.BICUBIC))
    assert np.array_equal(to_model_image(picture, 56), expected)


def test_a_view_with_strides_gives_the_same_as_its_copy(picture):
    view = picture[::2, ::3]
    assert np.array_equal(to_model_image(view, 56), to_model_image(view.copy(), 56))
