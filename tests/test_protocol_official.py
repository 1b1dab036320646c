"""WIDER FACE's official rules: cases counted by hand, the tool in plain loops, and the real lists."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from experiments.protocols.official import evaluate
from experiments.protocols.wider_lists import SETTINGS, faces
from experiments.runtime.errors import UserError
from tests.oracles.protocols import official_ap
from tests.truths import SHARED, detections, truth

REAL = SHARED / "widerface"
FACE, OTHER, FAR = (10, 10, 20, 20), (50, 50, 20, 20), (200, 200, 30, 30)  # x y w h


def column(values):
    """MATLAB's cell array of n rows."""
    cells = np.empty((len(values), 1), dtype=object)
    cells[:, 0] = values
    return cells


def write(root, images):
    """images: name -> (faces x y w h, {setting: numbers from 1}); all of one event. The index's truth of them."""
    folder = root / "wider_face_split" / "ground_truth"
    folder.mkdir(parents=True)
    for setting in SETTINGS:
        lists = {
            "event_list": column(["0--Parade"]),
            "file_list": column([column(list(images))]),
            "face_bbx_list": column([column([np.array(f, dtype=np.int32).reshape(-1, 4) for f, _ in images.values()])]),
            "gt_list": column([column([np.array(k[setting], dtype=np.uint8)[:, None] for _, k in images.values()])]),
        }
        savemat(folder / f"wider_{setting}_val.mat", lists)
    made = truth([[] for _ in images], classes=("face",))
    return replace(made, paths=tuple(str(root / f"WIDER_val/images/0--Parade/{name}.jpg") for name in images))


def found(*rows):
    """rows: (image, x y w h, score)."""
    return detections(*((i, (x, y, x + w, y + h), 0, score) for i, (x, y, w, h), score in rows))


def keep(hard, medium=(), easy=()):
    return {"easy": list(easy), "medium": list(medium), "hard": list(hard)}


def test_a_face_that_does_not_count_is_neither_found_nor_missed(tmp_path):
    known = write(tmp_path, {"a": ([FACE, OTHER], keep(hard=[1, 2], medium=[1]))})
    scores = evaluate(known, found((0, OTHER, 0.9), (0, FACE, 0.8)))
    assert [scores.figures[name] for name in SETTINGS] == [None, 1.0, 1.0]
    assert scores.figures["AP"] == scores.figures["AP50"] == scores.per_class["face"] == 1.0
    assert {scores.figures[name] for name in ("AP75", "APs", "APm", "APl")} == {None}


def test_wrong_then_right_and_found_twice(tmp_path):
    known = write(tmp_path, {"a": ([FACE, OTHER], keep(hard=[1, 2]))})
    # Precision 0 at .9, 1/2 at .8, 1/3 at .7 (a second detection of FACE), 1/2 at .6: the monotone precision is 1/2.
    scores = evaluate(known, found((0, FAR, 0.9), (0, FACE, 0.8), (0, FACE, 0.7), (0, OTHER, 0.6)))
    assert scores.figures["hard"] == pytest.approx(1 / 2)


def test_sides_are_a_pixel_longer(tmp_path):
    """IoU 10 / 20 in the plain, 121 / 231 with the pixel: above .5; 9 of 20 and 110 / 231 are below."""
    known = write(tmp_path, {"a": ([(0, 0, 10, 20)], keep(hard=[1]))})
    assert evaluate(known, found((0, (0, 0, 10, 10), 0.9))).figures["hard"] == 1.0
    assert evaluate(known, found((0, (0, 0, 10, 9), 0.9))).figures["hard"] == 0.0


def test_an_iou_of_a_half_is_enough(tmp_path):
    known = write(tmp_path, {"a": ([(0, 0, 9, 19)], keep(hard=[1]))})
    assert evaluate(known, found((0, (0, 0, 9, 9), 0.9))).figures["hard"] == 1.0


def test_detections_on_an_image_without_faces_do_not_count(tmp_path):
    known = write(tmp_path, {"a": ([FACE], keep(hard=[1])), "b": ([], keep(hard=[]))})
    assert evaluate(known, found((1, FACE, 0.9), (0, FACE, 0.8), (0, FACE, 0.1))).figures["hard"] == 1.0


def test_scores_are_stretched_over_the_set(tmp_path):
    """Within a thousandth of the range of the scores, here 0..1, two detections are one step."""
    known = write(tmp_path, {"a": ([FACE], keep(hard=[1]))})
    rows = [(0, FAR, 0.5002), (0, FACE, 0.5001)]
    assert evaluate(known, found(*rows)).figures["hard"] == pytest.approx(0.5)
    ends = [(0, FAR, 1.0), (0, FAR, 0.0)]
    assert evaluate(known, found(*rows, *ends)).figures["hard"] == pytest.approx(1 / 3)


def test_no_detections_score_zero(tmp_path):
    known = write(tmp_path, {"a": ([FACE], keep(hard=[1]))})
    assert evaluate(known, found()).figures["hard"] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_tool_in_plain_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    images = {}
    for i in range(4):
        boxes = np.concatenate([rng.integers(0, 150, (i * 5, 2)), rng.integers(0, 60, (i * 5, 2))], 1)
        images[f"image_{i}"] = (
            boxes.tolist(),
            keep(*(np.flatnonzero(rng.random(i * 5) < p) + 1 for p in (0.8, 0.5, 0.2))),
        )
    rows = []
    for i, (boxes, _) in enumerate(images.values()):
        near = [(i, np.add(box, rng.integers(-3, 4, 4)).clip(0).tolist()) for box in boxes for _ in range(2)]
        rows += [(*row, float(np.float32(rng.integers(1, 3000) / 3000))) for row in near]
    known = write(tmp_path, images)
    predictions = {
        name: sorted(([*box, s] for j, box, s in rows if j == i), key=lambda row: -row[4])
        for i, name in enumerate(images)
    }
    figures = evaluate(known, found(*rows)).figures
    for setting in SETTINGS:
        part = {name: (boxes, set(kept[setting])) for name, (boxes, kept) in images.items()}
        assert figures[setting] == pytest.approx(official_ap(part, predictions), abs=1e-12)
        assert 0.05 < figures[setting] < 0.95


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the sample data is not at {REAL}")
def test_the_real_lists_have_the_counts_of_their_paper_and_find_themselves():
    text = (REAL / "wider_face_split" / "wider_face_val_bbx_gt.txt").read_text().splitlines()
    paths = tuple(str(REAL / "WIDER_val" / "images" / line) for line in text if line.endswith(".jpg"))
    listed = faces(paths)
    assert (len(paths), len(listed.image), listed.counts.sum(0).tolist()) == (3226, 39708, [7211, 13319, 31958])
    known = replace(truth([[] for _ in paths], classes=("face",)), paths=paths)
    again = found(*zip(listed.image.tolist(), listed.xywh.tolist(), np.ones(len(listed.image)), strict=True))
    assert [evaluate(known, again).figures[name] for name in SETTINGS] == pytest.approx([1, 1, 1], abs=2e-3)


def test_missing_and_broken_lists_are_named(tmp_path):
    known = write(tmp_path, {"a": ([FACE], keep(hard=[1]))})
    with pytest.raises(UserError, match="does not list 0--Parade/b"):
        evaluate(replace(known, paths=(known.paths[0].replace("a.jpg", "b.jpg"),)), found())
    with pytest.raises(UserError, match="of one class; here are 2"):
        evaluate(replace(known, classes=("a", "b")), found())
    path = tmp_path / "wider_face_split" / "ground_truth" / "wider_hard_val.mat"
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:200], whole[:-40], bytes(len(whole))):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"Cannot read .*wider_hard_val\.mat"):
            evaluate(known, found())
    path.unlink()
    with pytest.raises(UserError, match=r"wider_hard_val\.mat"):
        evaluate(known, found())
    with pytest.raises(UserError, match=r"test\.protocol=height"):
        evaluate(replace(known, paths=(str(tmp_path / "elsewhere/WIDER_val/images/e/a.jpg"),)), found())


def test_a_face_number_beyond_the_faces_is_an_error(tmp_path):
    known = write(tmp_path, {"a": ([FACE], keep(hard=[2]))})
    with pytest.raises(UserError, match="counts a face that 0--Parade/a does not have"):
        evaluate(known, found())
