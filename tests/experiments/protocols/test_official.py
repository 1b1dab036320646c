"""WIDER FACE's official rules: cases counted by hand, the tool in plain loops, and the real lists."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from experiments.protocols.official import evaluate_official
from experiments.protocols.wider_lists import SETTINGS, read_faces
from experiments.runtime.errors import UserError
from tests.oracles.protocols import official_ap
from tests.samples import REAL
from tests.truths import column, counting, detections, listed_faces, truth

FACES = REAL / "widerface"
FACE, OTHER, FAR = (10, 10, 20, 20), (50, 50, 20, 20), (200, 200, 30, 30)  # x y w h


def evaluate(objects, detected):
    return evaluate_official(objects, detected, 100, "numpy")


def detected(*rows):
    """rows: (image, x y w h, score)."""
    return detections(*((i, (x, y, x + w, y + h), 0, score) for i, (x, y, w, h), score in rows))


def test_a_face_that_does_not_count_is_neither_found_nor_missed(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE, OTHER], counting(hard=[1, 2], medium=[1]))})
    scores = evaluate(objects, detected((0, OTHER, 0.9), (0, FACE, 0.8)))
    assert [scores.metrics[name] for name in SETTINGS] == [None, 1.0, 1.0]
    assert scores.metrics["AP"] == scores.metrics["AP50"] == scores.per_class["face"] == 1.0
    assert {scores.metrics[name] for name in ("AP75", "APs", "APm", "APl")} == {None}


def test_wrong_then_right_and_found_twice(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE, OTHER], counting(hard=[1, 2]))})
    # Precision 0 at .9, 1/2 at .8, 1/3 at .7 (a second detection of FACE), 1/2 at .6: the monotone precision is 1/2.
    scores = evaluate(objects, detected((0, FAR, 0.9), (0, FACE, 0.8), (0, FACE, 0.7), (0, OTHER, 0.6)))
    assert scores.metrics["hard"] == pytest.approx(1 / 2)


def test_sides_are_a_pixel_longer(tmp_path):
    """IoU 10 / 20 in the plain, 121 / 231 with the pixel: above .5; 9 of 20 and 110 / 231 are below."""
    objects = listed_faces(tmp_path, {"a": ([(0, 0, 10, 20)], counting(hard=[1]))})
    assert evaluate(objects, detected((0, (0, 0, 10, 10), 0.9))).metrics["hard"] == 1.0
    assert evaluate(objects, detected((0, (0, 0, 10, 9), 0.9))).metrics["hard"] == 0.0


def test_an_iou_of_a_half_is_enough(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([(0, 0, 9, 19)], counting(hard=[1]))})
    assert evaluate(objects, detected((0, (0, 0, 9, 9), 0.9))).metrics["hard"] == 1.0


def test_detections_on_an_image_without_faces_do_not_count(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE], counting(hard=[1])), "b": ([], counting(hard=[]))})
    assert evaluate(objects, detected((1, FACE, 0.9), (0, FACE, 0.8), (0, FACE, 0.1))).metrics["hard"] == 1.0


def test_scores_are_stretched_over_the_set(tmp_path):
    """Within a thousandth of the range of the scores, here 0..1, two detections are one step."""
    objects = listed_faces(tmp_path, {"a": ([FACE], counting(hard=[1]))})
    rows = [(0, FAR, 0.5002), (0, FACE, 0.5001)]
    assert evaluate(objects, detected(*rows)).metrics["hard"] == pytest.approx(0.5)
    ends = [(0, FAR, 1.0), (0, FAR, 0.0)]
    assert evaluate(objects, detected(*rows, *ends)).metrics["hard"] == pytest.approx(1 / 3)


def test_no_detections_score_zero(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE], counting(hard=[1]))})
    assert evaluate(objects, detected()).metrics["hard"] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_tool_in_plain_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    images = {}
    for i in range(4):
        boxes = np.concatenate([rng.integers(0, 150, (i * 5, 2)), rng.integers(0, 60, (i * 5, 2))], 1)
        images[f"image_{i}"] = (
            boxes.tolist(),
            counting(*(np.flatnonzero(rng.random(i * 5) < p) + 1 for p in (0.8, 0.5, 0.2))),
        )
    rows = []
    for i, (boxes, _) in enumerate(images.values()):
        near = [(i, np.add(box, rng.integers(-3, 4, 4)).clip(0).tolist()) for box in boxes for _ in range(2)]
        rows += [(*row, float(np.float32(rng.integers(1, 3000) / 3000))) for row in near]
    objects = listed_faces(tmp_path, images)
    predictions = {
        name: sorted(([*box, s] for j, box, s in rows if j == i), key=lambda row: -row[4])
        for i, name in enumerate(images)
    }
    metrics = evaluate(objects, detected(*rows)).metrics
    for setting in SETTINGS:
        faces = {name: (boxes, set(numbers[setting])) for name, (boxes, numbers) in images.items()}
        assert metrics[setting] == pytest.approx(official_ap(faces, predictions), abs=1e-12)
        assert 0.05 < metrics[setting] < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_scores_a_hair_from_a_step_are_on_the_side_where_doubles_put_them(tmp_path, seed):
    """They differ by less than float32 can tell; the tool stretches and compares doubles."""
    rng = np.random.default_rng(seed)
    boxes = [(30 * i, 0, 20, 20) for i in range(20)]
    objects = listed_faces(tmp_path, {"a": (boxes, counting(hard=range(1, 21)))})
    near = 1 - rng.choice(np.arange(100, 1000, 100), 60) / 1000 + rng.choice([-1e-12, 0, 1e-12, 1e-9, -1e-9], 60)
    score = np.concatenate([[0.0, 1.0], near])
    moved = [(boxes[j][0] + int(rng.integers(9)), *boxes[j][1:]) for j in rng.integers(20, size=62)]
    found = replace(detected(*((0, box, 0.5) for box in moved)), scores=score)
    rows = sorted(((*box, s) for box, s in zip(moved, score.tolist(), strict=True)), key=lambda row: -row[4])
    expected = official_ap({"a": (boxes, set(range(1, 21)))}, {"a": rows})
    assert evaluate(objects, found).metrics["hard"] == pytest.approx(expected, abs=1e-12)
    rounded = replace(found, scores=score.astype(np.float32))
    assert evaluate(objects, rounded).metrics["hard"] != pytest.approx(expected, abs=1e-6)


def test_scores_of_any_range_are_stretched(tmp_path):
    """A score is a rank: twice as large, or negative, it says the same."""
    objects = listed_faces(tmp_path, {"a": ([FACE, OTHER], counting(hard=[1, 2]))})
    rows = [(0, FAR, 0.75), (0, FACE, 0.5), (0, FAR, 0.25), (0, OTHER, 0.0)]
    expected = evaluate(objects, detected(*rows)).metrics["hard"]
    for scale, shift in ((8, 2), (1, -4), (0.5, 0.25)):
        other = detected(*((i, box, scale * s + shift) for i, box, s in rows))
        assert evaluate(objects, other).metrics["hard"] == expected


@pytest.mark.skipif(not FACES.is_dir(), reason=f"the sample data is not at {FACES}")
def test_the_real_lists_have_the_counts_of_their_paper_and_find_themselves():
    text = (FACES / "wider_face_split" / "wider_face_val_bbx_gt.txt").read_text().splitlines()
    paths = tuple(str(FACES / "WIDER_val" / "images" / line) for line in text if line.endswith(".jpg"))
    listed = read_faces(paths)
    assert (len(paths), len(listed.image), listed.counts.sum(0).tolist()) == (3226, 39708, [7211, 13319, 31958])
    objects = replace(truth([[] for _ in paths], classes=("face",)), paths=paths)
    again = detected(*zip(listed.image.tolist(), listed.xywh.tolist(), np.ones(len(listed.image)), strict=True))
    assert [evaluate(objects, again).metrics[name] for name in SETTINGS] == pytest.approx([1, 1, 1], abs=2e-3)


def test_missing_and_broken_lists_are_named(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE], counting(hard=[1]))})
    with pytest.raises(UserError, match="does not list 0--Parade/b"):
        evaluate(replace(objects, paths=(objects.paths[0].replace("a.jpg", "b.jpg"),)), detected())
    with pytest.raises(UserError, match="of one class; here are 2"):
        evaluate(replace(objects, classes=("a", "b")), detected())
    path = tmp_path / "wider_face_split" / "ground_truth" / "wider_hard_val.mat"
    intact = path.read_bytes()
    for content in (b"", b"text", intact[:200], intact[:-40], bytes(len(intact))):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"Cannot read .*wider_hard_val\.mat"):
            evaluate(objects, detected())
    path.unlink()
    with pytest.raises(UserError, match=r"wider_hard_val\.mat"):
        evaluate(objects, detected())
    with pytest.raises(UserError, match=r"test\.protocol=height"):
        evaluate(replace(objects, paths=(str(tmp_path / "elsewhere/WIDER_val/images/e/a.jpg"),)), detected())


def test_a_face_number_beyond_the_faces_is_an_error(tmp_path):
    objects = listed_faces(tmp_path, {"a": ([FACE], counting(hard=[2]))})
    with pytest.raises(UserError, match=r"wider_hard_val\.mat: .*counts a face that 0--Parade/a does not have"):
        evaluate(objects, detected())


BOXES, NUMBERS = np.array([FACE, OTHER], float), np.array([[1.0], [2.0]])
DAMAGE = {  # variable -> what it holds for the image, and what the sentence says
    "a box of five numbers": ("face_bbx_list", np.ones((4, 5)), r"shape \(4, 5\), not faces x 4"),
    "NaN in a box": ("face_bbx_list", BOXES * [1, 1, 1, np.nan], "no number up to"),
    "an endless box": ("face_bbx_list", BOXES * [1, 1, np.inf, 1], "no number up to"),
    "a box far away": ("face_bbx_list", BOXES * 1e9, "no number up to"),
    "text for boxes": ("face_bbx_list", np.array([["abcd", "efgh"]]), "face_bbx_list of 0--Parade/a"),
    "complex boxes": ("face_bbx_list", BOXES * 1j, "no number up to"),
    "another box": ("face_bbx_list", BOXES + 1, "different faces of 0--Parade/a"),
    "face 0": ("gt_list", NUMBERS - 1, "counts a face that 0--Parade/a does not have: it has 1 to 2"),
    "face 1.5": ("gt_list", NUMBERS + 0.5, "counts a face that"),
    "face NaN": ("gt_list", NUMBERS * np.nan, "counts a face that"),
    "text for numbers": ("gt_list", np.array(["ab"]), "counts a face that"),
    "an image twice": ("file_list", column(["a", "a"]), "0--Parade/a stands in it twice"),
    "no variable": ("gt_list", None, "it has no gt_list"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_damaged_field_of_a_list_is_a_sentence(tmp_path, setting, damage):
    name, value, says = DAMAGE[damage]
    objects = listed_faces(tmp_path, {"a": ([FACE, OTHER], counting([1, 2], [1], [1]))})
    path = tmp_path / "wider_face_split" / "ground_truth" / f"wider_{setting}_val.mat"
    lists = {key: item for key, item in loadmat(path).items() if not key.startswith("_")}
    if damage == "an image twice":
        lists["file_list"][0, 0] = value
        lists |= {key: twice(lists[key]) for key in ("face_bbx_list", "gt_list")}
    elif value is None:
        del lists[name]
    else:
        lists[name][0, 0][0, 0] = value
    savemat(path, lists)
    with pytest.raises(UserError, match=f"{says}.*Unpack eval_tools.zip"):
        evaluate(objects, detected())


def twice(cells):
    """The list of an event, its one image there a second time."""
    return column([column([cells[0, 0][0, 0]] * 2)])
