"""Names stand beside their marks, inside the chart, and over nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pqv_core.comparison.label_places import Box, places

AREA = Box(0, 0, 200, 100)
MARKS = st.lists(st.tuples(st.floats(-20, 220), st.floats(-20, 120)), max_size=12)


@given(MARKS, st.floats(1, 120), st.floats(1, 20))
def test_names_meet_neither_each_other_nor_a_mark_nor_the_edge(
    marks: list[tuple[float, float]], width: float, height: float
) -> None:
    found = places(marks, [(width, height)] * len(marks), area=AREA, radius=5)
    assert len(found) == len(marks)
    boxes = [box for box in found if box is not None]
    for index, box in enumerate(boxes):
        assert AREA.holds(box)
        assert not any(box.meets(other) for other in boxes[:index])
        assert not any(box.meets(Box(x, y, x, y)) for x, y in marks)


def test_a_name_stands_at_the_right_and_at_the_edge_at_the_left() -> None:
    right, left = places([(50, 50), (190, 20)], [(40, 10)] * 2, area=AREA, radius=5)
    assert right is not None and right.left > 50 and right.top == 45
    assert left is not None and left.right < 190


def test_the_first_has_the_room() -> None:
    one, other = places([(100, 35), (101, 35)], [(150, 20)] * 2, area=Box(0, 0, 200, 45), radius=5)
    assert one is not None and other is None


def test_what_is_out_of_sight_has_no_name_and_marks_without_names_are_kept_free() -> None:
    assert places([(-5, 50)], [(20, 10)], area=AREA, radius=5) == [None]
    (box,) = places([(50, 50)], [(40, 10)], area=AREA, radius=5, others=[(70, 50)])
    assert box is not None and box.right < 50
