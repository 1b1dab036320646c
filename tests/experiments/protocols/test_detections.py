"""The door of every protocol: what cannot be scored is named with its row, whatever protocol and engine."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols.engines import ENGINES
from experiments.protocols.interface import Protocol
from experiments.protocols.registry import PROTOCOLS
from experiments.runtime.errors import UserError
from tests.truths import counting, detections, listed_faces

BOX, FACE = (10, 10, 40, 40), (10, 10, 30, 30)  # x1 y1 x2 y2; x y w h
SOUND = detections((0, BOX, 0, 0.9), (1, BOX, 0, 0.8), (1, (50, 50, 60, 60), 0, 0.7))
USERS_OWN = Protocol("own", lambda *_: pytest.fail("the rule was asked"), by_size=False, recall_points=None)
DOORS = [(protocol, engine) for protocol in PROTOCOLS.values() for engine in ENGINES] + [(USERS_OWN, "")]
NAN, INF = float("nan"), float("inf")
FAULTS = {  # column, row, value there, what the sentence says
    "image before the first": ("image", 1, -1, "row 1, .*image -1, .*position, at least 0 and below 2"),
    "image past the last": ("image", 2, 2, "row 2, .*image 2, "),
    "label before the first": ("labels", 0, -1, "row 0, .*label -1, .*at least 0 and below 1"),
    "label past the last": ("labels", 2, 1, "row 2, .*label 1, "),
    "NaN in a box": ("boxes", 1, (10, NAN, 40, 40), r"row 1, .*\(10.0, nan, 40.0, 40.0\).*finite"),
    "infinite box": ("boxes", 0, (-INF, 10, INF, 40), r"row 0, .*\(-inf, .*finite"),
    "x2 below x1": ("boxes", 2, (60, 50, 50, 60), r"row 2, .*\(60.0, 50.0, 50.0, 60.0\).*x1 <= x2"),
    "y2 below y1": ("boxes", 2, (50, 60.00001, 60, 60), r"row 2, .*60.00001.*y1 <= y2"),
    "NaN score": ("scores", 1, NAN, "row 1, .*score nan; a score is a finite number"),
    "infinite score": ("scores", 1, INF, "row 1, .*score inf; "),
}
SHAPES = {
    "labels too short": {"labels": SOUND.labels[:2]},
    "boxes of five numbers": {"boxes": np.zeros((3, 5), np.float32)},
    "one box alone": {"boxes": SOUND.boxes[0]},
    "scores in a column": {"scores": SOUND.scores[:, None]},
    "no axis": {"scores": np.zeros((), np.float32)},
}
TYPES = {
    "positions as floats": ({"image": SOUND.image.astype(float)}, "image is of type float64; .*whole numbers"),
    "labels as flags": ({"labels": SOUND.labels.astype(bool)}, "labels is of type bool"),
    "scores as text": ({"scores": SOUND.scores.astype(str)}, "scores is of type <U.*floating-point numbers"),
    "boxes as objects": ({"boxes": SOUND.boxes.astype(object)}, "boxes is of type object"),
    "a list": ({"boxes": SOUND.boxes.tolist()}, "boxes is of type list"),
}


@pytest.fixture
def faces(tmp_path):
    """Two images of one class, each with a face."""
    objects = listed_faces(tmp_path, {name: ([FACE], counting(hard=[1])) for name in "ab"})
    rows = {"boxes": np.array([BOX, BOX], np.float32), "labels": np.zeros(2, int), "ignore": np.zeros(2, bool)}
    return replace(objects, offsets=np.array([0, 1, 2]), **rows)


def refusal(faces, door, detected):
    protocol, engine = door
    with pytest.raises(UserError) as error:
        protocol.evaluate(faces, detected, 100, engine)
    return error


def doors(test):
    return pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door[0].name}-{door[1]}")(test)


@doors
@pytest.mark.parametrize("fault", FAULTS)
def test_a_detection_that_cannot_be_scored_is_named(faces, door, fault):
    name, row, value, says = FAULTS[fault]
    column = getattr(SOUND, name).copy()
    column[row] = value
    assert refusal(faces, door, replace(SOUND, **{name: column})).match(says)


@doors
def test_columns_of_the_wrong_shape_or_type_are_named(faces, door):
    for change in SHAPES.values():
        assert refusal(faces, door, replace(SOUND, **change)).match(r"they must be \(D,\), \(D, 4\), \(D,\), \(D,\)")
    for change, says in TYPES.values():
        assert refusal(faces, door, replace(SOUND, **change)).match(says)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_detection_without_area_counts_as_the_official_tools_count_it(faces, protocol):
    """As one that finds nothing, in every engine; for the official tool of faces it is a pixel wide."""
    detected = detections((0, (5, 5, 5, 12), 0, 0.95), (0, (9, 9, 9, 9), 0, 0.93), (0, BOX, 0, 0.9), (1, BOX, 0, 0.8))
    of_engines = [PROTOCOLS[protocol].evaluate(faces, detected, 100, engine) for engine in ENGINES]
    assert of_engines[0] == of_engines[1]
    # Under 10 px, height ignores them.
    assert (of_engines[0].metrics["AP"] == pytest.approx(1.0)) == (protocol == "height")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [np.int32, np.uint8])
def test_other_whole_numbers_and_floats_give_the_same(faces, protocol, kind):
    other = replace(SOUND, image=SOUND.image.astype(kind), labels=SOUND.labels.astype(kind))
    other = replace(other, boxes=SOUND.boxes.astype(np.float64), scores=SOUND.scores.astype(np.float64))
    evaluate = PROTOCOLS[protocol].evaluate
    assert evaluate(faces, other, 100, "hotcoco") == evaluate(faces, SOUND, 100, "hotcoco")
