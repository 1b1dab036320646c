"""`run.py --check-data`: what it reports, and what it remembers."""

import json
import signal
from pathlib import Path

import pytest

from experiments.data.official import decode, download
from experiments.data.official.memory import ImageState, Memory
from experiments.data.pixels import Reading
from experiments.recipes.names import FOLDER
from tests.samples import REAL, image, real


@pytest.fixture
def coco(tmp_path) -> Path:
    """Three good images a split; not the official dataset by its counts."""
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
    ("name", "folder", "code", "line"),
    [
        ("voc", "voc_format/voc2012_100", 1, "train = 2012_train: 67 images, 5717 in the official dataset"),
        ("voc", "voc_format/voc2012_100", 1, "missing  VOCtest_06-Nov-2007.tar: none of it is there"),
        ("coco", "coco_sample", 1, "val = val2017: 417 boxes, 36781 in the official dataset"),
        ("bccd", "voc_format/bccd", 0, "train = train: 205 images, as published"),
    ],
)
def test_the_real_samples_are_reported_as_they_are(check_data, tmp_path, name, folder, code, line):
    words = ("--dataset", name, "--data-root", REAL / folder, "--state", tmp_path, "--workers", 1)
    exit_code, out, _ = check_data(*words)
    assert exit_code == code and line in out and not lines(out, "broken")
    assert ("verdict: good." if code == 0 else "it is not the official dataset") in out.splitlines()[-1]
    assert Memory(tmp_path, name).listed() == {}


def test_bad_images_are_listed_by_content_until_they_are_repaired(check_data, coco):
    (coco / "train2017" / "1.jpg").write_bytes(b"no image")
    (coco / "val2017" / "2.jpg").write_bytes(b"no image")
    image(coco / "val2017" / "0.jpg", 31, 20)
    code, out, _ = check_data("--dataset", "coco", "--data-root", coco)
    assert code == 1 and "4 of 6 images decode" in out and "val2017/0.jpg: 31 x 20 pixels, its annotation says" in out
    assert "verdict: run.py stops at what is broken" in out
    memory = Memory(coco / "check", "coco")
    ((key, paths),) = memory.listed().items()
    assert key == download.checksum(coco / "val2017" / "2.jpg")
    assert paths == [str(coco / "train2017" / "1.jpg"), str(coco / "val2017" / "2.jpg")]
    image(coco / "train2017" / "1.jpg")
    image(coco / "val2017" / "0.jpg")
    assert "5 of 6 images decode" in check_data("--dataset", "coco", "--data-root", coco)[1]
    assert list(memory.listed().values()) == [[str(coco / "val2017" / "2.jpg")]]
    image(coco / "val2017" / "2.jpg")
    assert not lines(check_data("--dataset", "coco", "--data-root", coco)[1], "broken") and memory.listed() == {}


def test_only_changed_files_are_decoded_again(check_data, coco, monkeypatch):
    decoded, state_of = [], decode.state_of
    monkeypatch.setattr(decode, "state_of", lambda path, reading: decoded.append(Path(path)) or state_of(path, reading))
    words = ("--dataset", "coco", "--data-root", coco)
    check_data(*words)
    assert len(decoded) == 6
    decoded.clear()
    assert "6 of 6 images decode, 6 of them known from before" in check_data(*words)[1] and decoded == []
    image(coco / "train2017" / "2.jpg", 60, 40)
    (coco / "val2017" / "0.jpg").write_bytes(b"no image")
    check_data(*words)
    assert decoded == [coco / "train2017" / "2.jpg", coco / "val2017" / "0.jpg"]
    decoded.clear()
    check_data(*words)
    assert decoded == [coco / "val2017" / "0.jpg"]  # repaired with its size and time it would stay listed


def test_damaged_notes_are_written_anew(check_data, coco):
    words = ("--dataset", "coco", "--data-root", coco)
    first = check_data(*words)
    for name, text in (("seen", '{"images": {"a": [1, 2], "b": 3}}'), ("quarantine", "[1"), ("archives", "{} {}")):
        (coco / "check" / f"{name}-coco.json").write_text(text)
    assert check_data(*words) == first
    memory = Memory(coco / "check", "coco")
    assert len(memory.states()) == 6 and memory.listed() == {} and memory.known_archives() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_check_is_resumed(check_data, coco, monkeypatch, number):
    def stopping(path: str, reading: Reading) -> ImageState:
        if path.endswith("val2017/1.jpg"):
            signal.raise_signal(number)
        return state_of(path, reading)

    state_of = decode.state_of
    monkeypatch.setattr(decode, "state_of", stopping)
    words = ("--dataset", "coco", "--data-root", coco)
    code, out, error = check_data(*words)
    assert (code, out) == (130, "") and "run the same command to resume" in error
    monkeypatch.setattr(decode, "state_of", state_of)
    assert "6 of 6 images decode, 4 of them known from before" in check_data(*words)[1]


def test_missing_files_are_listed_and_the_others_decoded(check_data, coco):
    for name in ("0.jpg", "2.jpg"):
        (coco / "train2017" / name).unlink()
    (coco / "val2017" / "0.jpg").write_bytes(b"no image")
    code, out, _ = check_data("--dataset", "coco", "--data-root", coco)
    assert code == 1 and f"{coco}/train2017/0.jpg does not exist" in out
    assert lines(out, "missing") == [str(coco / "train2017" / name) for name in ("0.jpg", "2.jpg")]
    assert "3 of 4 images decode" in out and "verdict: run.py cannot read it" in out


def test_many_missing_files_make_a_list(check_data, coco):
    names = [f"{i}.jpg" for i in range(3, 20)]
    data = json.loads((coco / "annotations" / "instances_val2017.json").read_text())
    data["images"] += [data["images"][0] | {"id": 100 + i, "file_name": name} for i, name in enumerate(names)]
    (coco / "annotations" / "instances_val2017.json").write_text(json.dumps(data))
    assert "17 files that the annotations name" in check_data("--dataset", "coco", "--data-root", coco)[1]
    listed = (coco / "check" / "missing-coco.txt").read_text().splitlines()
    assert sorted(listed) == sorted(str(coco / "val2017" / name) for name in names)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--dataset vok --data-root .", "Did you mean 'voc'"),
        ("--dataset voc", "with: python experiments/run.py --check-data --dataset voc --download"),
        (
            "--dataset coco --data-root absent",
            "There is no folder absent. Say where its files are with --data-root DIR",
        ),
        ("--dataset widerface", "or get it at http://shuoyang1213.me/WIDERFACE/"),
        ("--dataset shapes --data-root .", "--data-root does nothing"),
        ("--dataset shapes --download", "--download does nothing"),
        ("--dataset bccd --data-root . --download", "get it at https://github.com/Shenggan/BCCD_Dataset"),
        ("--dataset voc --data-root a/VOCdevkit --download", "give the parent of VOCdevkit as --data-root"),
        ("--dataset voc --data-root . --workers 0", "--workers is 1 or more, got 0"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_code_2(check_data, monkeypatch, tmp_path, words, sentence):
    monkeypatch.chdir(tmp_path)
    code, out, error = check_data(*words.split())
    assert code == 2 and out == "" and sentence in error and len(error.splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_named(check_data, coco, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    code, _, error = check_data("--dataset", "coco", "--data-root", coco, "--state", tmp_path / "file" / "notes")
    assert code == 2 and "--state DIR" in error and len(error.splitlines()) == 1


def test_a_synthetic_dataset_has_nothing_to_check(check_data):
    sentence = "shapes is synthetic: there is nothing on disk to check.\n"
    assert check_data("--dataset", "shapes")[:2] == (0, sentence)


def test_a_dataset_of_ones_own_is_checked_by_its_recipe(check_data, coco, tmp_path):
    (tmp_path / "own.yaml").write_text((FOLDER / "coco.yaml").read_text())
    code, out, _ = check_data("--dataset", tmp_path / "own.yaml", "--data-root", coco)
    assert code == 0 and "train = train2017: 3 images\n" in out and "verdict: run.py can train and test" in out
    code, _, error = check_data("--dataset", tmp_path / "own.yaml", "--data-root", coco, "--download")
    assert code == 2 and "no public source" in error


def test_the_folder_that_a_recipe_names_is_checked(check_data, coco):
    """As run.py does; the notes bear the recipe's name."""
    text = "like: coco\ndata: {root: coco, train: train2017, val: val2017}\n"
    (coco.parent / "my.data.yaml").write_text(text)
    code, out, _ = check_data("--dataset", coco.parent / "my.data.yaml")
    assert code == 0 and "6 of 6 images decode" in out and (coco / "check" / "seen-my.data.json").is_file()
