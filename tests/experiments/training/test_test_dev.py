"""`--split test-dev`: the file to upload, read back as COCO's own tool reads it."""

import json
from zipfile import ZipFile

import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from detector.detector import Detector
from detector.postprocess import Detected
from experiments.records.run_folder import runs_in
from tests.experiments.training.test_evaluate import MODEL, write_split
from tests.tiny_runs import words

INFO = "annotations/image_info_test-dev2017.json"
SIZES = {900100: (60, 80), 7: (128, 64)}  # height and width by id; resized to 48 x 64 and 64 x 32 px
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}]  # train numbers its only class, cat, with 1
RIGHT = [0.125, 0.25, 0.625, 0.75]  # of width and height: x1 y1 x2 y2


def write_test_dev(root):
    (root / "test2017").mkdir()
    for number, (height, width) in SIZES.items():
        Image.new("RGB", (width, height)).save(root / "test2017" / f"{number:012}.jpg")
    images = [{"id": n, "file_name": f"{n:012}.jpg", "height": h, "width": w} for n, (h, w) in SIZES.items()]
    (root / INFO).write_text(json.dumps({"images": images, "categories": CATEGORIES}))


def one_each(model, images, sizes, limits):
    """RIGHT in each image, with a score of no short decimal."""
    boxes = torch.tensor(RIGHT) * sizes.flip(1).repeat(1, 2)
    count = len(images)
    return Detected(torch.arange(count), boxes, torch.zeros(count).long(), torch.full((count,), 1 / 3))


@pytest.fixture
def asked(tmp_path, command, monkeypatch):
    """Answers of a run on a tiny COCO with these flags."""
    root = tmp_path / "coco"
    for split in ("train2017", "val2017"):
        write_split(root, split)
    monkeypatch.setattr(Detector, "detect", one_each)
    changes = (*MODEL, "schedule.batch=2", "schedule.iterations=1", "schedule.evaluations=1")

    def ask(*flags):
        line = ("--dataset", "coco", "--data-root", root, "--assigner", "fcos", *flags)
        return command(*words(tmp_path / "runs", *line, overrides=changes))

    ask.root, ask.runs = root, tmp_path / "runs"
    return ask


def read_back(asked):
    """The rows of the only upload."""
    (folder,) = runs_in(asked.runs)
    (path,) = folder.path.glob("*.zip")
    assert path.name == f"detections_test-dev2017_fcos-{folder.path.name}_results.zip"
    with ZipFile(path) as archive:
        (name,) = archive.namelist()
        assert name == path.with_suffix(".json").name and archive.testzip() is None
        return path, json.loads(archive.read(name))


def test_the_upload_is_in_the_official_format(asked):
    write_test_dev(asked.root)
    code, out, err = asked("--split", "test-dev")
    assert code == 0 and out.startswith("AP ") and "has taken no file since January 2026" in err
    path, rows = read_back(asked)
    boxes = {900100: [10.0, 15.0, 40.0, 30.0], 7: [8.0, 32.0, 32.0, 64.0]}
    assert {row["image_id"]: row["bbox"] for row in rows} == boxes
    for row in rows:
        assert list(row) == ["image_id", "category_id", "bbox", "score"] and row["category_id"] == 17
        assert row["score"] == pytest.approx(1 / 3, abs=1e-7) and row["bbox"] == [round(x, 1) for x in row["bbox"]]
        assert type(row["image_id"]) is int
    truth = COCO(str(asked.root / INFO))
    assert sorted(truth.loadRes(rows).getImgIds()) == [7, 900100]
    before = path.read_bytes()
    code, _, err = asked("--split", "test-dev")  # of the finished run, from its weights
    assert code == 0 and "is finished" in err and read_back(asked)[0].read_bytes() == before


def test_without_the_flag_there_is_no_upload(asked):
    write_test_dev(asked.root)
    assert asked()[0] == 0 and not list(runs_in(asked.runs)[0].path.glob("*.zip"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("no info", f"looked for {{}}/{INFO}"),
        ("no images", "looked for {}/test2017"),
        ("no class", "lists no class cat, which coco has"),
        ("no file", "000000000007.jpg does not exist"),
    ],
)
def test_what_is_missing_is_said_before_the_training(asked, change, says):
    write_test_dev(asked.root)
    if change == "no info":
        (asked.root / INFO).unlink()
    elif change == "no images":
        (asked.root / "test2017").rename(asked.root / "elsewhere")
    elif change == "no class":
        info = json.loads((asked.root / INFO).read_text())
        (asked.root / INFO).write_text(json.dumps(info | {"categories": CATEGORIES[:1]}))
    else:
        (asked.root / "test2017" / "000000000007.jpg").unlink()
    code, out, err = asked("--split", "test-dev")
    assert code == 2 and not out and says.format(asked.root) in err and err.count("\n") == 1
    assert not asked.runs.exists()


def test_another_dataset_than_coco_has_no_test_dev(command, tmp_path):
    code, _, err = command(*words(tmp_path, "--split", "test-dev"))
    assert code == 2 and "--split test-dev is of COCO, and --dataset shapes is read by data.reader=shapes" in err


def test_weights_that_are_gone_are_said(asked):
    write_test_dev(asked.root)
    assert asked()[0] == 0
    (folder,) = runs_in(asked.runs)
    folder.checkpoint.unlink()
    code, _, err = asked("--split", "test-dev")
    assert code == 2 and f"{folder.checkpoint} is not there" in err
