import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.regions import Box, HandleRole, RegionError
from engine.regions.shape_json import KINDS
from engine.regions.shapes import Ellipse, Freehand, Line, Mask, Point, Polygon, RotatedBox

WIDTH, HEIGHT = 64, 48


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_pixel_is_covered_when_its_centre_is_inside(strategies, pixels, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    covered = pixels(shape, WIDTH, HEIGHT)
    x, y = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    if kind == "line":
        # A line passes pixels whose centres it misses by up to half a diagonal.
        assert not covered[y, x] or shape.distance(x, y) <= math.sqrt(0.5) + 1e-9
    else:
        assert covered[y, x] == shape.contains(x, y)


def test_a_pixel_that_an_ellipse_just_touches_is_not_lost_by_rounding(pixels) -> None:
    ellipse = Ellipse(0.0, 19.922, 19.922, 19.922, 19.92)
    assert ellipse.contains(0, 0)
    assert pixels(ellipse, WIDTH, HEIGHT)[0, 0]


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.5), (3.5, 2.0), (1.5, 1.5)])
def test_a_point_between_pixels_is_on_the_one_that_it_covers(pixels, x: float, y: float) -> None:
    point = Point(x, y)
    covered = pixels(point, WIDTH, HEIGHT)
    assert covered.sum() == 1
    for row, column in np.ndindex(4, 5):
        assert covered[row, column] == point.contains(column, row)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_bounds_hold_everything_that_is_inside_and_are_tight(strategies, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    box = shape.bounds
    for path in shape.outline():
        assert (path >= (box.x1 - 1e-6, box.y1 - 1e-6)).all()
        assert (path <= (box.x2 + 1e-6, box.y2 + 1e-6)).all()
    points = np.concatenate(shape.outline())
    slack = 0.5 if not shape.closed else 0.001 * (box.width + box.height)
    assert points.min(axis=0) == pytest.approx((box.x1, box.y1), abs=slack + 1e-6)
    assert points.max(axis=0) == pytest.approx((box.x2, box.y2), abs=slack + 1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), dx=st.integers(-50, 50), dy=st.integers(-50, 50))
def test_moving_shifts_the_outline_and_moving_back_undoes_it(
    strategies, kind: str, data: st.DataObject, dx: int, dy: int
) -> None:
    shape = data.draw(strategies[kind])
    moved = shape.moved(dx, dy)
    for before, after in zip(shape.outline(), moved.outline(), strict=True):
        np.testing.assert_allclose(after, before + np.array((dx, dy)), atol=1e-9)
    back = moved.moved(-dx, -dy)
    np.testing.assert_allclose(back.bounds.as_tuple(), shape.bounds.as_tuple(), atol=1e-9)
    assert moved.kind == kind
    assert moved.area == pytest.approx(shape.area, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_dragged_handle_ends_under_the_pointer(strategies, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    handle = data.draw(st.sampled_from(shape.handles()))
    # Away from the shape, so that no minimum size and no flat polygon holds it back.
    x, y = data.draw(st.integers(200, 300)), data.draw(st.integers(-250, -160))
    if handle.role is HandleRole.CORNER:
        # Away in the shape's own directions too: straight along one of them it would be flat.
        turn, box = math.radians(getattr(shape, "angle_deg", 0.0)), shape.bounds
        dx, dy = x - (box.x1 + box.x2) / 2, y - (box.y1 + box.y2) / 2
        along, across = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
        assume(min(abs(along), abs(across)) > math.hypot(box.width, box.height) + 2)
    dragged = shape.with_handle(handle.id, x, y)
    if handle.role in (HandleRole.VERTEX, HandleRole.CENTRE):
        after = next(h for h in dragged.handles() if h.id == handle.id)
        assert (after.x, after.y) == pytest.approx((x, y), abs=0.5 if kind == "mask" else 1e-6)
    elif handle.role is HandleRole.CORNER:
        assert min(math.hypot(h.x - x, h.y - y) for h in dragged.handles()) < 1e-6
    elif handle.role is HandleRole.ROTATE:
        centre, grip = (next(h for h in dragged.handles() if h.id == id) for id in ("centre", "rotate"))
        towards = math.atan2(y - centre.y, x - centre.x) - math.atan2(grip.y - centre.y, grip.x - centre.x)
        assert math.cos(towards) == pytest.approx(1)
        assert dragged.area == pytest.approx(shape.area)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_dragging_a_handle_to_where_it_is_changes_nothing(strategies, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    # What is drawn by hand may be lower than a pixel, to which any drag of a grip enlarges it.
    assume(kind != "freehand" or min(shape.bounds.width, shape.bounds.height) >= 1)
    handle = data.draw(st.sampled_from(shape.handles()))
    dragged = shape.with_handle(handle.id, handle.x, handle.y)
    np.testing.assert_allclose(np.concatenate(dragged.outline()), np.concatenate(shape.outline()), atol=1e-6)


@pytest.mark.parametrize("kind", ["box", "rotated_box", "ellipse", "polygon", "freehand", "line", "point", "mask"])
@given(data=st.data(), keep_aspect=st.booleans())
def test_no_drag_leaves_a_shape_empty(strategies, kind: str, data: st.DataObject, keep_aspect: bool) -> None:
    shape = data.draw(strategies[kind])
    handles = shape.handles()
    handle, target = data.draw(st.sampled_from(handles)), data.draw(st.sampled_from(handles))
    dragged = shape.with_handle(handle.id, target.x, target.y, keep_aspect)
    if isinstance(dragged, (Box, RotatedBox)):
        assert min(dragged.width, dragged.height) >= 1 - 1e-6
    elif isinstance(dragged, Ellipse):
        assert 2 * min(dragged.rx, dragged.ry) >= 1 - 1e-6
    else:
        assert dragged.bounds.area > 0


@pytest.mark.parametrize("kind", ["box", "rotated_box"])
@given(data=st.data(), id=st.sampled_from(["nw", "ne", "se", "sw", "n", "e"]))
def test_the_opposite_corner_stays_while_a_corner_is_dragged(
    strategies, kind: str, data: st.DataObject, id: str
) -> None:
    shape = data.draw(strategies[kind])
    opposite = {"nw": "se", "ne": "sw", "se": "nw", "sw": "ne", "n": "s", "e": "w"}[id]
    fixed = next(h for h in shape.handles() if h.id == opposite)
    dragged = shape.with_handle(id, 150, -130)
    assert min(math.hypot(h.x - fixed.x, h.y - fixed.y) for h in dragged.handles()) < 1e-6 or len(id) == 1
    if len(id) == 1:
        # The whole opposite edge stays: its line is where it was.
        assert dragged.distance(fixed.x, fixed.y) < 1e-6


@pytest.mark.parametrize("kind", ["box", "freehand"])
@given(data=st.data(), id=st.sampled_from(["nw", "ne", "se", "sw", "n", "e", "s", "w"]))
def test_a_drag_can_keep_width_to_height(strategies, kind: str, data: st.DataObject, id: str) -> None:
    shape = data.draw(strategies[kind])
    # A sliver kept in proportion would have to become longer than any shape may be.
    assume(min(shape.bounds.width, shape.bounds.height) >= 1)
    dragged = shape.with_handle(id, 120, -90, keep_aspect=True)
    before, after = shape.bounds, dragged.bounds
    assert after.width * before.height == pytest.approx(after.height * before.width, rel=1e-6)


def test_a_box_dragged_inside_out_is_turned_over() -> None:
    assert Box(10, 10, 20, 20).with_handle("nw", 30, 15) == Box(20, 15, 30, 20)


def test_a_box_dragged_shut_keeps_one_pixel() -> None:
    assert Box(10, 10, 20, 20).with_handle("e", 10, 0) == Box(10, 10, 11, 20)


def test_a_rotation_can_snap_to_fifteen_degrees() -> None:
    shape = RotatedBox(0, 0, 10, 4)
    assert shape.with_handle("rotate", 10, -1).angle_deg == pytest.approx(90 - math.degrees(math.atan2(1, 10)))
    assert shape.with_handle("rotate", 10, -1, keep_aspect=True).angle_deg == 90


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_clipping_keeps_exactly_what_lies_inside_the_image(strategies, pixels, kind: str, data: st.DataObject) -> None:
    shape = data.draw(strategies[kind])
    # A line that only touches the image's very edge passes a pixel, and no stretch of it is left.
    assume(kind != "line" or not (shape.outline()[0] == -0.5).any())
    inside = pixels(shape, WIDTH, HEIGHT)
    try:
        clipped = shape.clipped(WIDTH, HEIGHT)
    except RegionError:
        assert not inside.any()
        return
    box = clipped.bounds
    slack = 1e-6 + (0.5 if not shape.closed else 0)
    assert box.x1 >= -0.5 - slack
    assert box.y1 >= -0.5 - slack
    assert box.x2 <= WIDTH - 0.5 + slack
    assert box.y2 <= HEIGHT - 0.5 + slack
    if kind != "line":
        different = np.argwhere(pixels(clipped, WIDTH, HEIGHT) ^ inside)
        # Cutting an edge rounds it: pixels may differ that have their centre on the outline itself, and those an
        # ellipse has beyond the chords that stand for it.
        assert all(shape.distance(x, y) < (0.02 if kind == "ellipse" else 1e-6) for y, x in different)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shape_outside_the_image_cannot_be_clipped_to_it(examples, kind: str) -> None:
    with pytest.raises(RegionError, match=r"outside|covers no pixel"):
        examples[kind].moved(500, 0).clipped(WIDTH, HEIGHT)
    with pytest.raises(RegionError):
        examples[kind].moved(0, -500).to_mask(WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_overlap_is_that_of_the_pixels(examples, pixels, kind: str, other: str) -> None:
    first, second = examples[kind], examples[other].moved(3, 2)
    a, b = pixels(first, WIDTH, HEIGHT), pixels(second, WIDTH, HEIGHT)
    expected = (a & b).sum() / (a | b).sum()
    assert first.iou(second, WIDTH, HEIGHT) == pytest.approx(expected)
    assert second.iou(first, WIDTH, HEIGHT) == pytest.approx(expected)
    assert first.iou(first, WIDTH, HEIGHT) == 1
    assert first.iou(second.moved(300, 0)) == 0


def test_overlap_of_two_boxes_is_exact_without_an_image() -> None:
    assert Box(0, 0, 1, 1).iou(Box(0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["box", "rotated_box", "ellipse", "polygon", "freehand", "mask"])
def test_area_is_what_the_pixels_of_a_large_shape_add_up_to(examples, kind: str) -> None:
    shape = examples[kind]
    assert shape.area == pytest.approx(shape.to_mask(WIDTH, HEIGHT).area, rel=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_distance_is_nought_on_the_outline_and_grows_away_from_it(examples, kind: str) -> None:
    shape = examples[kind]
    x, y = shape.outline()[0][0]
    assert shape.distance(x, y) == pytest.approx(0, abs=1e-9)
    assert shape.distance(shape.bounds.x2 + 30, y) >= 29.4


@pytest.mark.parametrize("kind", ["polygon", "freehand", "line"])
def test_a_vertex_is_put_into_the_nearest_edge_and_taken_out_again(examples, kind: str) -> None:
    shape = examples[kind]
    (x1, y1), (x2, y2) = shape.points[1], shape.points[2]
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    assert shape.nearest_edge(x, y) == 2
    longer = shape.with_vertex_inserted(2, x, y)
    assert longer.points[2] == (x, y)
    assert longer.without_vertex(2) == shape
    with pytest.raises(RegionError, match="no point"):
        shape.without_vertex(99)
    with pytest.raises(RegionError, match="no place"):
        shape.with_vertex_inserted(99, 0, 0)


@pytest.mark.parametrize("kind", ["box", "rotated_box", "ellipse", "point", "mask"])
def test_kinds_without_corners_say_so(examples, kind: str) -> None:
    with pytest.raises(RegionError, match="no vertices"):
        examples[kind].with_vertex_inserted(0, 1, 1)
    with pytest.raises(RegionError, match="no vertices"):
        examples[kind].without_vertex(0)


def test_the_last_corners_cannot_be_taken_away() -> None:
    with pytest.raises(RegionError, match="needs 3"):
        Polygon(((0, 0), (4, 0), (4, 4))).without_vertex(0)
    with pytest.raises(RegionError, match="needs 2"):
        Line(((0, 0), (4, 0))).without_vertex(0)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_handles_are_refused(examples, kind: str) -> None:
    for id in ("v99", "", "north", "v-1", "v²"):
        with pytest.raises(RegionError, match="no handle"):
            examples[kind].with_handle(id, 0, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box(3, 0, 3, 5),
        lambda: Box(0, math.nan, 3, 5),
        lambda: RotatedBox(0, 0, 0, 4),
        lambda: RotatedBox(0, 0, 4, 4, math.inf),
        lambda: Ellipse(0, 0, 3, -1),
        lambda: Ellipse(2e6, 0, 3, 1),
        lambda: Polygon(((0, 0), (1, 1))),
        lambda: Polygon(((0, 0), (1, 1), (2, 2), (5, 5))),
        lambda: Freehand(((0, 0), (0, 0), (0, 0))),
        lambda: Point(math.inf, 0),
        lambda: Line(((0, 0),)),
        lambda: Line(((1, 2), (1, 2))),
        lambda: Mask.from_array(np.zeros((3, 3), bool)),
        lambda: Mask.from_array(np.ones((3, 3, 3), bool)),
        lambda: Mask.from_runs(0, 0, 2, 2, [1, 2]),
        lambda: Mask.from_runs(0, 0, 2, 2, [0, 1, 0, 3]),
        lambda: Mask.from_runs(0, 0, 2, 2, [2, 2]),
        lambda: Mask.from_runs(0, 0, 2, 2, [-1, 5]),
        lambda: Mask.from_runs(0, 0, 2, 2, []),
        lambda: Mask.from_runs(0, 0, 60_000, 60_000, [0, 1]),
    ],
)
def test_shapes_that_cannot_be_are_refused(make) -> None:
    with pytest.raises(RegionError):
        make()


def test_a_line_is_measured_in_millimetres_along_rows_and_columns() -> None:
    line = Line(((0, 0), (3, 0), (3, 4)))
    assert line.length == 7
    assert line.length_mm(2.0, 0.5) == pytest.approx(3 * 0.5 + 4 * 2)


def test_a_line_that_leaves_the_image_keeps_its_longest_piece() -> None:
    line = Line(((2, 5), (10, 5), (10, -20), (40, -20), (40, 30), (41, 30)))
    assert line.clipped(WIDTH, HEIGHT) == Line(((40, -0.5), (40, 30), (41, 30)))


def test_a_turned_shape_half_outside_becomes_the_polygon_that_is_left() -> None:
    clipped = RotatedBox(0, 20, 10, 10, 45).clipped(WIDTH, HEIGHT)
    assert isinstance(clipped, Polygon)
    assert clipped.area == pytest.approx(50 + math.sqrt(200) * 0.5 - 0.25)
    inside = RotatedBox(20, 20, 10, 10, 45)
    assert inside.clipped(WIDTH, HEIGHT) is inside


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), tolerance=st.floats(0.1, 4))
def test_a_simplified_outline_stays_within_the_tolerance(seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    reach = 20 + np.cumsum(rng.normal(0, 0.3, 200))
    drawn = Freehand.from_ring(np.stack((30 + reach * np.cos(turns), 30 + reach * np.sin(turns)), axis=1))
    thin = drawn.simplified(tolerance)
    assert 3 <= len(thin.points) <= len(drawn.points)
    assert set(thin.points) <= set(drawn.points)
    assert max(thin.distance(x, y) for x, y in drawn.points) <= tolerance + 1e-9


def test_a_circle_drawn_by_hand_needs_few_points() -> None:
    turns = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    drawn = Freehand.from_ring(np.stack((50 * np.cos(turns), 50 * np.sin(turns)), axis=1))
    assert len(drawn.simplified(0.5).points) < 40
    assert len(drawn.simplified(1000).points) == 3


def test_neighbours_share_no_pixel(pixels) -> None:
    left, right = Polygon(((0, 0), (8, 0), (8, 8), (0, 8))), Polygon(((8, 0), (16, 0), (16, 8), (8, 8)))
    a, b = pixels(left, 20, 20), pixels(right, 20, 20)
    assert not (a & b).any()
    assert (a | b).sum() == 128
    assert (pixels(Box(0, 0, 8, 8), 20, 20) == a).all()


def test_a_ring_that_crosses_itself_is_filled_by_the_even_odd_rule(pixels) -> None:
    star = [(30 + 20 * math.sin(k * 4 * math.pi / 5), 30 - 20 * math.cos(k * 4 * math.pi / 5)) for k in range(5)]
    shape = Polygon(tuple(star))
    assert not shape.contains(30, 30)
    assert shape.contains(30, 14)
    assert not pixels(shape, 60, 60)[30, 30]
