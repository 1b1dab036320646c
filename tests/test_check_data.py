"""The command that checks a data set: what it finds, what it remembers, what it fetches."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision.io import write_jpeg

from experiments.data.official import check, compare, decode, download
from experiments.data.official.memory import Look, Memory
from experiments.data.official.missing_files import missing
from experiments.data.official.sources import SOURCES
from experiments.recipes import recipe
from experiments.runtime.errors import UserError
from tests.samples import REAL, real


@pytest.fixture
def run(typed):
    return partial(typed, check)


def image(path: Path, height: int = 20, width: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jpeg(torch.full((3, height, width), hash(path.name) % 200, dtype=torch.uint8), str(path))


@pytest.fixture
def coco(tmp_path) -> Path:
    """Three images a split, whole; no official set by its counts."""
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    for split in ("train2017", "val2017"):
        listed = [{"id": i, "file_name": f"{i}.jpg", "height": 20, "width": 30} for i in range(3)]
        data = {"images": listed, "categories": [{"id": 7, "name": "cat"}], "annotations": []}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(data))
        for i in range(3):
            image(root / split / f"{i}.jpg")
    return root


def lines(text: str, kind: str) -> list[str]:
    return [line.removeprefix(kind).strip() for line in text.splitlines() if line.startswith(f"{kind} ")]


@real
@pytest.mark.parametrize(
    ("name", "folder", "code", "said"),
    [
        ("voc", "voc_format/voc2012_100", 1, "train = 2012_train: 67 images, 5717 in the official set"),
        ("voc", "voc_format/voc2012_100", 1, "missing  VOCtest_06-Nov-2007.tar: none of it is there"),
        ("coco", "coco_sample", 1, "val = val2017: 417 boxes, 36781 in the official set"),
        ("bccd", "voc_format/bccd", 0, "train = train: 205 images, as published"),
    ],
)
def test_the_real_samples(run, tmp_path, name, folder, code, said):
    found, out, _ = run("--dataset", name, "--data-root", REAL / folder, "--state", tmp_path, "--workers", 1)
    assert found == code and said in out and not lines(out, "broken")
    assert ("verdict: good." if code == 0 else "it is not the official set") in out.splitlines()[-1]
    assert Memory(tmp_path, name).listed() == {}


def test_bad_images_are_listed_by_content_until_they_are_mended(run, coco):
    (coco / "train2017" / "1.jpg").write_bytes(b"no image")
    (coco / "val2017" / "2.jpg").write_bytes(b"no image")
    image(coco / "val2017" / "0.jpg", 20, 31)
    code, out, _ = run("--dataset", "coco", "--data-root", coco)
    assert code == 1 and "4 of 6 images decode" in out and "val2017/0.jpg: 31 x 20 pixels, its annotation says" in out
    assert "verdict: run.py stops at what is broken" in out
    memory = Memory(coco / "check", "coco")
    ((key, paths),) = memory.listed().items()
    assert key == download.checksum(coco / "val2017" / "2.jpg")
    assert paths == [str(coco / "train2017" / "1.jpg"), str(coco / "val2017" / "2.jpg")]
    image(coco / "train2017" / "1.jpg")
    image(coco / "val2017" / "0.jpg")
    assert "5 of 6 images decode" in run("--dataset", "coco", "--data-root", coco)[1]
    assert list(memory.listed().values()) == [[str(coco / "val2017" / "2.jpg")]]
    image(coco / "val2017" / "2.jpg")
    assert not lines(run("--dataset", "coco", "--data-root", coco)[1], "broken") and memory.listed() == {}


def test_only_changed_files_are_decoded_again(run, coco, monkeypatch):
    looked = []
    monkeypatch.setattr(decode, "look", lambda path, look=decode.look: looked.append(Path(path)) or look(path))
    words = ("--dataset", "coco", "--data-root", coco)
    run(*words)
    assert len(looked) == 6
    looked.clear()
    assert "6 of 6 images decode, 6 of them known from before" in run(*words)[1] and looked == []
    image(coco / "train2017" / "2.jpg", 40, 60)
    (coco / "val2017" / "0.jpg").write_bytes(b"no image")
    run(*words)
    assert looked == [coco / "train2017" / "2.jpg", coco / "val2017" / "0.jpg"]
    looked.clear()
    run(*words)
    assert looked == [coco / "val2017" / "0.jpg"]  # mended with its size and time it would stay listed


def test_damaged_notes_are_written_anew(run, coco):
    words = ("--dataset", "coco", "--data-root", coco)
    first = run(*words)
    for name, text in (("seen", '{"images": {"a": [1, 2], "b": 3}}'), ("quarantine", "[1"), ("archives", "{} {}")):
        (coco / "check" / f"{name}-coco.json").write_text(text)
    assert run(*words) == first
    memory = Memory(coco / "check", "coco")
    assert len(memory.looks()) == 6 and memory.listed() == {} and memory.known() == {}


def test_a_stopped_check_goes_on(run, coco, monkeypatch):
    def stopping(path: str) -> Look:
        if path.endswith("val2017/1.jpg"):
            raise KeyboardInterrupt
        return real_look(path)

    real_look = decode.look
    monkeypatch.setattr(decode, "look", stopping)
    words = ("--dataset", "coco", "--data-root", coco)
    code, out, said = run(*words)
    assert (code, out) == (130, "") and "the same line goes on" in said
    monkeypatch.setattr(decode, "look", real_look)
    assert "6 of 6 images decode, 4 of them known from before" in run(*words)[1]


def test_several_processes_find_what_one_finds(coco, tmp_path, monkeypatch):
    (coco / "train2017" / "1.jpg").write_bytes(b"no image")
    paths = sorted(map(str, coco.rglob("*.jpg")))
    one, _ = decode.examine(paths, Memory(tmp_path / "one", "coco"), 1)
    monkeypatch.setattr(decode, "SHARE", 2)
    two, decoded = decode.examine(paths, Memory(tmp_path / "two", "coco"), 2)
    assert one == two and decoded == 6 and sum(not look.good for look in two.values()) == 1


def test_missing_files_are_listed_and_the_rest_is_decoded(run, coco):
    for name in ("0.jpg", "2.jpg"):
        (coco / "train2017" / name).unlink()
    (coco / "val2017" / "0.jpg").write_bytes(b"no image")
    code, out, _ = run("--dataset", "coco", "--data-root", coco)
    assert code == 1 and f"{coco}/train2017/0.jpg does not exist" in out
    assert lines(out, "missing") == [str(coco / "train2017" / name) for name in ("0.jpg", "2.jpg")]
    assert "3 of 4 images decode" in out and "verdict: run.py cannot read it" in out


def test_many_missing_files_make_a_list(run, coco):
    names = [f"{i}.jpg" for i in range(3, 20)]
    data = json.loads((coco / "annotations" / "instances_val2017.json").read_text())
    data["images"] += [data["images"][0] | {"id": 100 + i, "file_name": name} for i, name in enumerate(names)]
    (coco / "annotations" / "instances_val2017.json").write_text(json.dumps(data))
    assert "17 files that the annotations name" in run("--dataset", "coco", "--data-root", coco)[1]
    listed = (coco / "check" / "missing-coco.txt").read_text().splitlines()
    assert sorted(listed) == sorted(str(coco / "val2017" / name) for name in names)


def test_names_that_lead_out_are_not_looked_for(tmp_path):
    for place, text in (
        ("VOC2007/ImageSets/Main/train.txt", "../../x\n/etc/x\na\n\n"),
        ("annotations/instances_x.json", "["),
    ):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(text)
    assert missing(tmp_path) == [str(tmp_path / "VOC2007" / x) for x in ("Annotations/a.xml", "JPEGImages/a.jpg")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dataset", "vok", "--data-root", "."), "Did you mean 'voc'"),
        (("--dataset", "voc"), "Say where with --data-root DIR. It comes from http://host.robots.ox.ac.uk"),
        (
            ("--dataset", "coco", "--data-root", "absent"),
            "There is no folder absent. It comes from https://cocodataset",
        ),
        (("--dataset", "bccd", "--data-root", ".", "--download"), "get it at https://github.com/Shenggan/BCCD_Dataset"),
        (
            ("--dataset", "voc", "--data-root", "a/VOCdevkit", "--download"),
            "give the parent of VOCdevkit as --data-root",
        ),
        (("--dataset", "voc", "--data-root", ".", "--workers", "0"), "at least one process"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_code_2(run, monkeypatch, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, error = run(*words)
    assert code == 2 and out == "" and said in error and len(error.splitlines()) == 1


def test_a_place_that_cannot_be_written_is_named(run, coco, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    code, _, error = run("--dataset", "coco", "--data-root", coco, "--state", tmp_path / "file" / "notes")
    assert code == 2 and "--state DIR" in error and len(error.splitlines()) == 1


def test_a_drawn_set_has_nothing_to_check(run):
    assert run("--dataset", "shapes")[:2] == (0, "shapes is drawn: there is nothing on disk to check.\n")


def test_own_data_by_a_recipe_of_ones_own(run, coco, tmp_path):
    text = (Path(recipe.FOLDER) / "coco.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text)
    code, out, _ = run("--dataset", tmp_path / "mine.yaml", "--data-root", coco)
    assert code == 0 and "train = train2017: 3 images\n" in out and "verdict: good." in out
    code, _, error = run("--dataset", tmp_path / "mine.yaml", "--data-root", coco, "--download")
    assert code == 2 and "no public source" in error


@pytest.mark.parametrize("name", ["widerface", "objects365"])
def test_sets_that_only_a_person_may_fetch_say_page_licence_and_layout(name):
    source = SOURCES[name]
    with pytest.raises(UserError) as error:
        compare.fetchable_into(name, source, Path("."))
    assert all(part in str(error.value) for part in (source.page, source.licence, source.layout))


def test_no_file_beside_the_command_hides_the_standard_library():
    """`python experiments/data/official/check.py` puts that folder first on the path."""
    assert {path.stem for path in Path(check.__file__).parent.iterdir()} & sys.stdlib_module_names == set()
