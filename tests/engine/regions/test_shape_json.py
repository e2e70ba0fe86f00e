import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.regions import Mask, RegionError, shape_from_json, shape_to_json
from engine.regions.shape_json import KINDS


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_shape_comes_back_from_its_text_as_it_was(strategies, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    text = shape_to_json(shape)
    assert shape_from_json(text) == shape
    assert shape_to_json(shape_from_json(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_is_canonical(examples, kind: str) -> None:
    text = shape_to_json(examples[kind])
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert json.loads(text)["kind"] == kind


def test_equal_shapes_have_equal_text(examples) -> None:
    box = examples["box"]
    assert shape_to_json(box) == shape_to_json(type(box)(*map(float, box.as_tuple())))
    assert shape_to_json(examples["point"].moved(-20.2, 0)) == '{"kind":"point","x":0.0,"y":18.7}'
    disc = np.hypot(*np.mgrid[-6:7, -6:7]) <= 6
    assert shape_to_json(Mask.from_array(np.pad(disc, 9), 5, 3)) == shape_to_json(examples["mask"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"kind":"cube"}',
        '{"kind":["box"]}',
        '{"kind":"box"}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":NaN}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":Infinity}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":1e999}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":' + "9" * 5000 + "}",
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":"1"}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":true}',
        '{"kind":"box","x1":0,"y1":0,"x2":1,"y2":1,"z":1}',
        '{"kind":"box","x1":2,"y1":0,"x2":1,"y2":1}',
        '{"kind":"polygon","points":[[0,0],[1,1]]}',
        '{"kind":"polygon","points":[[0,0],[1,1],[2]]}',
        '{"kind":"polygon","points":{"0":[1,1]}}',
        '{"kind":"line","points":[[0,0],["a",1]]}',
        '{"kind":"mask","x0":0,"y0":0,"width":2,"height":2,"runs":[0,3]}',
        '{"kind":"mask","x0":0.5,"y0":0,"width":2,"height":2,"runs":[0,4]}',
        '{"kind":"mask","x0":0,"y0":0,"width":99999,"height":99999,"runs":[0,9999800001]}',
        '{"kind":"mask","x0":0,"y0":0,"width":2,"height":2,"runs":[0,4.0]}',
        '{"kind":"mask","x0":0,"y0":0,"width":2,"height":2,"runs":"AAAA"}',
        '{"kind":"mask","x0":0,"y0":0,"width":-2,"height":-2,"runs":[0,4]}',
    ],
    ids=lambda text: text[:60],
)
def test_text_that_is_no_shape_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RegionError):
        shape_from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["kind", "points", "runs"]), inner),
    ),
    st.sampled_from(KINDS),
)
def test_no_text_does_anything_else_than_be_refused(value: object, kind: str) -> None:
    for text in (json.dumps(value), json.dumps({"kind": kind, "points": value, "x0": value, "runs": value})):
        try:
            assert shape_to_json(shape_from_json(text))
        except RegionError as error:
            assert str(error)  # noqa: PT017 - either outcome is right
