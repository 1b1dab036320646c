"""The VOC layout: the real samples, and one sentence for a damaged file."""

from pathlib import Path
from xml.etree.ElementTree import SubElement, tostring

import numpy as np
import pytest
import torch
from defusedxml.ElementTree import fromstring

from experiments.data.parsing import voc_xml
from experiments.data.readers import voc
from experiments.runtime.errors import UserError
from tests.samples import REAL, XML, ask, image, real, write_voc


@real
def test_the_sample_has_the_counts_of_its_readme():
    root = REAL / "voc_format" / "voc2012_100"
    assert [voc.resolve(ask(root, f"auto:{name}")) for name in ("train", "val")] == ["2012_train", "2012_val"]
    splits = [voc.read(ask(root, split)) for split in ("2012_train", "2012_val")]
    assert [len(index) for index in splits] == [67, 33]
    assert sum(len(index.boxes) for index in splits) == 273
    assert sum(int(index.ignore.sum()) for index in splits) == 38
    assert all(set(index.labels) == set(range(20)) and not any(index.counters.values()) for index in splits)
    assert splits[0].read(0).dtype == torch.uint8


@real
def test_the_blood_cells_have_the_counts_of_their_readme():
    root = REAL / "voc_format" / "bccd"
    splits = [voc.read(ask(root, split, "RBC", "WBC", "Platelets")) for split in ("train", "val", "test")]
    assert [len(index) for index in splits] == [205, 87, 72]
    assert np.bincount(np.concatenate([index.labels for index in splits])).tolist() == [4155 - 2, 372, 361]
    assert sum(index.counters["no_area"] for index in splits) == 2


def test_every_annotation_and_the_lists_are_watched(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30))
    names = {path.name for path in voc.sources(ask(tmp_path))}
    assert names == {"train.txt", "JPEGImages", "a.xml"}


BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (XML.format("", "kat", 30), "Unknown class 'cat'. Did you mean 'kat'"),
        (XML.format("", " ", 30), "object 1: name is empty"),
        (XML.format("<size><width>1</width></size>", "cat", 30), "size/width is there 2 times"),
        (XML.format("", "cat", "0"), r"bndbox/xmax is 0; it must not be below bndbox/xmin, 1 pixels"),
        (XML.format("", "cat", "1").replace(">1<", ">0.5<").replace("20</ymax", "1</ymax"), "look normalised"),
        (BOMB + XML.format("", "cat", 30), "entities and DTDs are not read"),
        (XML.format("", "cat", 30)[:-20], "not a whole XML file"),
        ('<?xml version="1.0" encoding="gbk"?>' + XML.format("", "cat", 30), "Save it as UTF-8"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, sentence):
    write_voc(tmp_path, text)
    with pytest.raises(UserError, match=sentence) as error:
        voc.read(ask(tmp_path, "train", "cat"))
    assert "a.xml" in str(error.value)


WRONG = ("below", "above", "wide", "nan", "", None)
FIELDS = [(field, wrong) for field in voc_xml.FIELDS for wrong in WRONG if field.default is None or wrong is not None]


@pytest.mark.parametrize(("field", "wrong"), FIELDS)
def test_a_field_out_of_its_range_is_named(tmp_path, field, wrong):
    value = {"below": f"{field.low - 1:.0f}", "above": f"{field.high + 1:.0f}"}.get(wrong, wrong)
    write_voc(tmp_path, _with(field.name, value))
    with pytest.raises(UserError) as error:
        voc.read(ask(tmp_path, "train", "cat"))
    said = "missing" if value is None else repr(value)
    sentence = f": {field.name} is {said}; it must be {field.range}."
    assert str(error.value).startswith(f"{tmp_path}/Annotations/a.xml") and str(error.value).endswith(sentence)
    assert field.name.startswith("size") or "object 1 ('cat')" in str(error.value)


def _with(field: str, value: str | None) -> str:
    """The XML file whose field has this value, or lacks."""
    root = fromstring(XML.format("", "cat", 30))
    for node in (root, root.find("object")):
        *parent, name = field.split("/")
        holder = node.find(parent[0]) if parent else node if node.tag == "object" else None
        if holder is not None:
            for old in holder.findall(name):
                holder.remove(old)
            if value is not None:
                SubElement(holder, name).text = value
    return tostring(root, "unicode")


def test_difficult_may_be_a_word_and_a_size_may_be_absent(tmp_path):
    text = XML.format("", "cat", 30).replace("</name>", "</name><difficult>True</difficult>")
    write_voc(tmp_path, text.replace("<size><width>30</width><height>20</height></size>", ""))
    image(tmp_path / "JPEGImages/a.jpg", 32, 24)
    index = voc.read(ask(tmp_path, "train", "cat"))
    assert index.ignore.all() and index.sizes.tolist() == [[24, 32]]


def test_a_subset_drops_the_other_classes_and_counts_them(tmp_path):
    two = XML.format("", "dog", 30).split("</size>")[1].removesuffix("</annotation>")
    write_voc(tmp_path, XML.format("", "cat", 30).replace("</annotation>", f"{two}</annotation>"))
    index = voc.read(ask(tmp_path, "train", "dog"))
    assert (index.classes, index.labels.tolist(), index.counters["other_class"]) == (("dog",), [0], 1)
    assert voc.read(ask(tmp_path, "train", "dog", "cat")).labels.tolist() == [1, 0]
    with pytest.raises(UserError, match=r"Unknown class 'dgo'\. Did you mean 'dog'.*Known: cat, dog"):
        voc.read(ask(tmp_path, "train", "cat", "dgo"))


def test_a_split_may_lack_a_class_that_another_has(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30))
    (tmp_path / "Annotations/b.xml").write_text(XML.format("", "dog", 30))
    assert len(voc.read(ask(tmp_path, "train", "cat", "dog")).labels) == 1
    (tmp_path / "Annotations/b.xml").unlink()
    (tmp_path / "Annotations/a.xml").write_text(
        "<annotation><size><width>9</width><height>9</height></size></annotation>"
    )
    assert voc.read(ask(tmp_path, "train", "cat", "dog")).classes == ("cat", "dog")  # no object says otherwise


def test_classes_of_ones_own_are_told_with_the_line_to_write(tmp_path):
    write_voc(tmp_path, XML.format("", "red cell", 30))
    (tmp_path / "Annotations/b.xml").write_text(XML.format("", "yes", 30))
    with pytest.raises(UserError, match=r"a.xml, object 1: class 'red cell'.*data: \{classes: \[red cell, 'yes'\]\}"):
        voc.read(ask(tmp_path))


@pytest.mark.parametrize(
    "listed",
    [
        "a\n",
        "\ufeffa\n",
        "a.jpg\n",
        "a  1\r\n",
        "a -1\n\n",
        '"a"\n',
        "./a",
        "/a",
        ".\\a",
        "A",
        "sub b c\n",
        "sub b c  0",
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_line_leads_to_its_image(tmp_path, listed, coding):
    write_voc(tmp_path, XML.format("", "cat", 30), listed.removeprefix("\ufeff").encode(coding))
    (tmp_path / "JPEGImages/sub b c.JPEG").write_bytes(b"")
    (tmp_path / "Annotations/sub b c.XML").write_text(XML.format("", "cat", 30))
    stem = "sub b c.JPEG" if listed.startswith("sub") else "a.jpg"
    assert voc.read(ask(tmp_path)).paths.name(0) == f"JPEGImages/{stem}"


def test_a_name_that_ends_in_a_flag_comes_first(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30), "a 1\n")
    (tmp_path / "JPEGImages/a 1.png").write_bytes(b"")
    (tmp_path / "Annotations/a 1.xml").write_text(XML.format("", "cat", 30))
    assert voc.read(ask(tmp_path)).paths.name(0) == "JPEGImages/a 1.png"


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ("a\na\n", "line 2 'a': JPEGImages/a.jpg stands before, at .*line 1 'a'"),
        ("a 1\n./a.jpg\n", "line 2 './a.jpg': JPEGImages/a.jpg stands before"),
        ("../a\n", "no such image"),
        (b"a\xff", "not a text file in UTF-8"),
        (b"a\0", "bytes of value 0"),
        ("\n", "the list is empty"),
    ],
)
def test_a_wrong_list_is_named(tmp_path, listed, sentence):
    write_voc(tmp_path, XML.format("", "cat", 30), listed)
    with pytest.raises(UserError, match=sentence) as error:
        voc.read(ask(tmp_path))
    assert "train.txt" in str(error.value)


def test_of_two_images_of_a_name_the_annotation_decides(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30))
    (tmp_path / "JPEGImages/a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"both JPEGImages/a.jpg and JPEGImages/a.png.*<filename> in .*a.xml"):
        voc.read(ask(tmp_path))
    write_voc(tmp_path, XML.format(r"<filename>C:\x\a.png</filename>", "cat", 30))
    assert voc.read(ask(tmp_path)).paths.name(0) == "JPEGImages/a.png"


@pytest.mark.parametrize("folders", [("", ""), ("Annotations", "JPEGImages"), ("annotations", "images")])
@pytest.mark.parametrize("split", ["train", "my set/part 1", "."])
def test_a_folder_without_lists_is_read(tmp_path, capsys, folders, split):
    annotations, images = (tmp_path / split / folder for folder in folders)
    for name in ("b.c.jpg", "a.PNG", "alone.jpg", "._a.png"):
        image(images / name)
    for name in ("b.c.xml", "a.xml"):
        annotations.mkdir(parents=True, exist_ok=True)
        (annotations / name).write_text(XML.format("", "cat", 30))
    (annotations / "._a.xml").write_bytes(b"\0")
    index = voc.read(ask(tmp_path, split))
    assert [Path(path).name for path in index.paths] == ["a.PNG", "b.c.jpg"]
    assert "1 images have no XML file and are left out, the first is alone.jpg" in capsys.readouterr().err
    assert {"a.xml", "b.c.xml"} <= {path.name for path in voc.sources(ask(tmp_path, split))}
    (images / "a.PNG").unlink()
    with pytest.raises(UserError, match=r"a.xml: .* has no image of this name"):
        voc.read(ask(tmp_path, split))


@pytest.mark.parametrize("split", ["../x", "absent", "", "..\\x"])
def test_a_split_that_is_not_there_is_named(tmp_path, split):
    (tmp_path / "x").mkdir()
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match="no VOC split" if split != "absent" else "No VOC data: looked for"):
        voc.read(ask(tmp_path / "data", split))
