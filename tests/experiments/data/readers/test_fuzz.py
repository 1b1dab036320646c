"""Damaged annotations, thousands of kinds of them: one sentence that names the file, or everything read."""

import copy
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.readers import coco, objects365, voc, widerface, yolo
from experiments.runtime.errors import UserError
from tests.hostile import fuzz
from tests.samples import XML, ask, image, instances, write_coco, write_objects365, write_voc, write_widerface

hostile = fuzz(100)
REPOSITORY = Path(__file__).parents[4]
DEEP, HUGE = "@deep@", "@huge@"  # what no JSON writer writes
NUMBERS = [0, 1, 2, -1, 0.5, 10**400, 2**63, 1e308, -1e308, float("nan"), float("inf"), HUGE]
NAMES = ["", "x", "7", "../a.jpg", "../../secret.jpg", "/etc/passwd", "a\0.jpg", "\ud800", "a" * 5000, "é.jpg"]
BOXES = [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, None], [0, 0, 1e308, 1e308], [1, 2, -3, 4]]
FOREIGN = [b"\0", b"\xff", b"\\", b'"', b"{", b"]", b",", b" ", b"\xef\xbb\xbf", b"<", b"&x;"]
WRONG = st.sampled_from([None, True, False, [], {}, [[]], {"id": 1}, DEEP, *NUMBERS, *NAMES, *BOXES])
OPENED: list[str] | None = None


def _audit(event: str, args: tuple) -> None:
    if OPENED is not None and event in ("open", "os.listdir", "os.scandir") and isinstance(args[0], (str, bytes)):
        OPENED.append(os.fsdecode(args[0]))


sys.addaudithook(_audit)


@contextmanager
def confined(root: Path):
    """AssertionError where anything below the folder of `root` but outside `root`, or a secret, is opened."""
    global OPENED
    OPENED = []
    try:
        yield
    finally:
        opened, OPENED = OPENED, None
    for name in opened:
        path = os.path.realpath(name)
        assert path.startswith((str(root), sys.prefix, sys.base_prefix, str(REPOSITORY))), path


def outcome(reader, root: Path, file: str):
    """The index, or None after one UserError that names the file."""
    try:
        with confined(root):
            return reader.READER.read(ask(root, "train2017" if reader is coco else "train"))
    except UserError as error:
        assert file in str(error) and len(str(error)) < 6500
        return None


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    (folder / "secret.jpg").write_bytes(b"not to be opened")
    return folder / "data"


@st.composite
def broken_instances(draw) -> bytes:
    """COCO's JSON with one to three values replaced, taken out or put in twice, then perhaps cut or overwritten."""
    data = instances()
    data["images"].append(data["images"][0] | {"id": 2})
    data["annotations"].append(data["annotations"][0] | {"id": 6, "area": 12.0})
    for _ in range(draw(st.integers(0, 3))):
        _damage(draw, data)
    text = json.dumps(data).replace(f'"{DEEP}"', "[" * 20000 + "]" * 20000).replace(f'"{HUGE}"', "9" * 5000)
    return _overwrite(draw, text.encode("utf-8", "surrogatepass"))


def _damage(draw, data: dict) -> None:
    target = data
    while True:
        keys = list(target) if isinstance(target, dict) else range(len(target))
        if not keys:
            return
        key = draw(st.sampled_from(list(keys)))
        if isinstance(target[key], (dict, list)) and target[key] and draw(st.integers(0, 3)):
            target = target[key]
            continue
        kind = draw(st.sampled_from(["replace", "replace", "remove", "twice"]))
        if kind == "remove":
            del target[key]
        elif kind == "twice" and isinstance(target, list):
            target.append(copy.deepcopy(target[key]))
        else:
            target[key] = copy.deepcopy(draw(WRONG))  # the next round may write into it
        return


def _overwrite(draw, text: bytes) -> bytes:
    kind = draw(st.sampled_from(["unchanged", "unchanged", "cut", "bytes"]))
    at = draw(st.integers(0, max(0, len(text) - 1)))
    if kind == "cut":
        return text[:at]
    if kind == "bytes":
        return text[:at] + draw(st.sampled_from(FOREIGN)) + text[at + draw(st.integers(0, 4)) :]
    return text


@pytest.mark.parametrize(("reader", "write"), [(coco, write_coco), (objects365, write_objects365)])
@hostile
@given(text=broken_instances())
def test_json_is_read_to_its_end_or_refused(root, reader, write, text):
    folder = root / reader.__name__
    write(folder, text)
    index = outcome(reader, folder, "instances_train2017.json" if reader is coco else "zhiyuan_objv2_train.json")
    if index is None:
        return
    data = json.loads(text.decode("utf-8-sig", "replace"), strict=False)
    assert len(index) == len(data["images"])
    dropped = sum(count for rule, count in index.counters.items() if rule != "clipped")
    assert len(index.boxes) + dropped == len(data["annotations"])
    assert (index.boxes[:, 2:] > index.boxes[:, :2]).all() and (index.boxes >= 0).all()
    evaluated = reader.read(folder, "train2017" if reader is coco else "train", (), clean=False)
    boxes = [annotation["bbox"] for annotation in data["annotations"]]
    assert sorted([] if evaluated.xywh is None else evaluated.xywh.tolist()) == sorted(boxes)


FIELDS = ["<width>30</width>", "<height>20</height>", "<name>cat</name>", "<xmin>1</xmin>", "<xmax>30</xmax>"]
FIELDS += ["<bndbox>", "</bndbox>", "</object>", "<size>", "<object>"]
TEXTS = ["", "nan", "inf", "-inf", "1e308", "9" * 400, "-5", "0", "cat", "../a", "é", "&b;", "]]>", "<a/>", "1_0", "٣"]
HEADS = [
    "",
    '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;">]>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "../secret.jpg">]>',
]
LISTS = [b"a\na\n", b"../a\n", b"/etc/passwd\n", b"\xff\n", b"a\0\n", b"", b"b\n"]
CODINGS = ["", '<?xml version="1.0" encoding="nonsense"?>', '<?xml version="1.0" encoding="utf-16"?>']


@hostile
@given(data=st.data())
def test_xml_is_read_to_its_end_or_refused(root, data):
    draw = data.draw
    text = XML.format("", "cat", 30)
    for _ in range(draw(st.integers(0, 2))):
        field = draw(st.sampled_from(FIELDS))
        tag = field[: field.index(">") + 1]
        wrong = draw(st.sampled_from([*TEXTS, *(f"{tag}{t}{tag.replace('<', '</')}" for t in TEXTS), "<a>" * 20000]))
        text = text.replace(field, wrong)
    text = draw(st.sampled_from(CODINGS)) + draw(st.sampled_from(HEADS)) + text
    listed = draw(st.sampled_from([b"a\n", b"a\n", *LISTS]))
    write_voc(root / "voc", _overwrite(draw, text.encode()), listed)
    index = outcome(voc, root / "voc", "a.xml" if listed == b"a\n" else "train.txt" if listed != b"a\na\n" else "a")
    if index is not None:
        dropped = sum(count for rule, count in index.counters.items() if rule != "clipped")
        written = (root / "voc/Annotations/a.xml").read_bytes().count(b"<object>")
        assert len(index) == 1 and listed == b"a\n" and len(index.boxes) + dropped == written


LISTED = "0--Parade/a.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n5 6 7 8 0 0 0 1 0 0 \n0--Parade/c.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
WORDS = ["", "nan", "1e3", "-1", "0", "2", "99999999", "9" * 400, "é", "٣", "\0", "../../secret.jpg", "/etc/passwd.jpg"]
WORDS += ["0--Parade/../../../secret.jpg", "0--Parade/a\0.jpg", "0--Parade/b.jpg", "3", "1"]


@hostile
@given(data=st.data())
def test_a_list_of_faces_is_read_to_its_end_or_refused(root, data):
    draw = data.draw
    lines = [line.split(" ") for line in LISTED.split("\n")]
    for _ in range(draw(st.integers(0, 3))):
        line = draw(st.sampled_from(lines))
        line[draw(st.integers(0, len(line) - 1))] = draw(st.sampled_from(WORDS))
    text = _overwrite(draw, "\n".join(" ".join(words) for words in lines).encode())
    write_widerface(root / "widerface", text)
    image(root / "widerface/WIDER_train/images/0--Parade/c.jpg")
    index = outcome(widerface, root / "widerface", "wider_face_train_bbx_gt.txt")
    if index is not None:
        rows = [line.split() for line in text.decode("utf-8-sig").split("\n")]
        faces = sum(len(row) == 10 and set(row) != {"0"} for row in rows)
        dropped = sum(count for rule, count in index.counters.items() if rule != "clipped")
        assert len(index) == sum(len(row) == 1 and row[0].lower().endswith(".jpg") for row in rows)
        assert len(index.boxes) + dropped >= faces


DESCRIPTION = "train: images\nval: [train.txt]\nnc: 2\nkpt_shape: [0, 0]\nnames: {0: cat, 1: dog}\n"
ROWS = "1 0.2 0.4 0.2 0.4\n0 0 0 1 0 1 1 0.5 1\n"
VALUES = "../..|/etc|[]|{}|null|[/etc/passwd]|&a [*a]|\\0|3|secret.jpg|images/a.jpg|é".split("|")


@hostile
@given(data=st.data())
def test_labels_of_yolo_are_read_to_their_end_or_refused(root, data):
    draw = data.draw
    described, rows = DESCRIPTION, [line.split(" ") for line in ROWS.split("\n")]
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from(["images", "[train.txt]", "2", "[0, 0]", "{0: cat, 1: dog}", "cat", "1:"]))
        described = described.replace(key, draw(st.sampled_from(VALUES)), 1)
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(st.sampled_from(WORDS))
    text = _overwrite(draw, "\n".join(" ".join(words) for words in rows).encode())
    folder = root / "yolo"
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    image(folder / "images/a.jpg")
    (folder / "labels/a.txt").write_bytes(text)
    (folder / "data.yaml").write_bytes(_overwrite(draw, described.encode()))
    index = outcome(yolo, folder, "yolo")
    if index is not None:
        written = [line for line in text.decode("utf-8-sig").replace("\r", "\n").split("\n") if line.strip()]
        dropped = sum(count for rule, count in index.counters.items() if rule != "clipped")
        assert len(index) == 1 and len(index.boxes) + dropped == len(written)
