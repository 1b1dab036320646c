"""The lists of WIDER FACE: the real samples, and one sentence for a damaged line."""

import numpy as np
import pytest

from experiments.data.readers import widerface
from experiments.runtime.errors import UserError
from tests.samples import REAL, ask, image, real, write_widerface


@real
def test_the_samples_have_the_counts_of_their_readme():
    train, val = (widerface.read(ask(REAL / "widerface", split)) for split in ("train_sample", "val_sample"))
    assert [len(train), len(val)] == [78, 66] and [len(train.boxes), len(val.boxes)] == [944, 1442 - 1]
    assert [int(index.ignore.sum()) for index in (train, val)] == [5, 14]
    assert [index.counters["no_area"] for index in (train, val)] == [0, 1]  # 0_Parade_Parade_0_317.jpg: 706 94 0 1
    assert [int(np.diff(index.offsets).max()) for index in (train, val)] == [176, 317]
    assert val.paths.name(0).startswith("WIDER_val/images/0--Parade/") and val.classes == ("face",)
    assert (train.sizes[:, 1] == 1024).all() and val.read(0).shape[2] == 1024


@real
def test_the_official_list_is_read_to_its_end():
    listing = REAL / "widerface" / "wider_face_split" / "wider_face_val_bbx_gt.txt"
    entries = list(widerface.entries(listing))
    assert len(entries) == 3226 and sum(len(entry.boxes) for entry in entries) == 39708
    assert sum(x2 <= x1 or y2 <= y1 for entry in entries for x1, y1, x2, y2 in entry.boxes) == 11
    with pytest.raises(UserError, match=r"line 1: .*0_Parade_marchingband_1_465\.jpg does not exist"):
        widerface.read(ask(REAL / "widerface", "val"))


FACES = "0--Parade/a.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n5 6 7 8 0 0 0 1 0 0 \n"


def test_invalid_faces_are_ignored_and_an_image_may_have_none(tmp_path):
    image(tmp_path / "WIDER_train/images/0--Parade/b.jpg")
    write_widerface(tmp_path, "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n" + FACES)
    index = widerface.read(ask(tmp_path))
    assert index.offsets.tolist() == [0, 0, 2] and index.boxes.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]]
    assert index.ignore.tolist() == [False, True] and index.counters["no_area"] == 0


def test_the_list_and_the_images_are_watched(tmp_path):
    write_widerface(tmp_path, "")
    assert [path.name for path in widerface.sources(ask(tmp_path))] == ["wider_face_train_bbx_gt.txt", "images"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FACES.replace("5 6 7 8", "5 6 7"), "line 4 is '5 6 7"),
        (FACES + FACES, "stands before, on line 1"),
        (FACES.replace("\n2\n", "\n3\n"), "line 5 is missing"),
        (FACES.replace("\n2\n", "\n1\n"), "line 4 '5 6 7 8.*an image's name was expected"),
        (FACES.replace("0--Parade/a", "../../a"), "points outside"),
        (FACES.replace("a.jpg", "b.jpg"), "b.jpg does not exist"),
        ("", "the list is empty"),
    ],
)
def test_a_broken_list_is_named(tmp_path, text, sentence):
    write_widerface(tmp_path, text)
    with pytest.raises(UserError, match=sentence) as error:
        widerface.read(ask(tmp_path))
    assert "wider_face_train_bbx_gt.txt" in str(error.value)


@pytest.mark.parametrize("column", widerface.FIELDS)
@pytest.mark.parametrize("wrong", ["below", "above", "wide", "nan", "1.5"])
def test_a_field_out_of_its_range_is_named(tmp_path, column, wrong):
    field = widerface.FIELDS[column]
    words = ["5", "6", "7", "8", *"000100"]
    words[column] = {"below": f"{field.low - 1}", "above": f"{field.high + 1}"}.get(wrong, wrong)
    write_widerface(tmp_path, f"0--Parade/a.jpg\n1\n{' '.join(words)}\n")
    with pytest.raises(UserError) as error:
        widerface.read(ask(tmp_path))
    sentence = f"bbx_gt.txt, line 3: {field.name} is '{words[column]}'; it must be {field.range}."
    assert str(error.value).endswith(sentence)


@pytest.mark.parametrize("wrong", ["-1", "1000000", "many", "nan", ""])
def test_a_wrong_number_of_faces_is_named(tmp_path, wrong):
    write_widerface(tmp_path, FACES.replace("\n2\n", f"\n{wrong}\n"))
    with pytest.raises(UserError, match=f"line 1 .*the number of its faces is '{wrong}'; it must be a whole number"):
        widerface.read(ask(tmp_path))


def test_a_field_that_is_not_read_may_hold_anything(tmp_path):
    write_widerface(tmp_path, FACES.replace("8 0 0 0 1 0 0", "8 nan -7 x 1 0 0"))
    assert widerface.read(ask(tmp_path)).ignore.tolist() == [False, True]


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_read_and_endings_in_capitals_are_images(tmp_path, coding):
    write_widerface(tmp_path, FACES.replace("a.jpg", "B.JPG").replace("/", "\\").encode(coding))
    image(tmp_path / "WIDER_train/images/0--Parade/B.JPG")
    assert widerface.read(ask(tmp_path)).paths.name(0) == "WIDER_train/images/0--Parade/B.JPG"
