"""The command that checks a data set: what it finds, what it remembers, what it fetches."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision.io import write_jpeg

from experiments import recipe
from experiments.data import check, download, examine, layout
from experiments.data.missing import missing
from experiments.data.quarantine import Look, Memory
from experiments.data.sources import SOURCES, Archive
from experiments.errors import UserError
from tests.samples import REAL, real
from tests.test_download import Served, serving, tar


@pytest.fixture
def run(monkeypatch, capsys):
    """The command with these words -> exit code, what it printed, what it said on stderr."""

    def command(*words: object):
        monkeypatch.setattr(sys, "argv", ["check.py", *map(str, words)])
        code = check.main()
        return code, *capsys.readouterr()

    return command


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
    monkeypatch.setattr(examine, "look", lambda path, look=examine.look: looked.append(Path(path)) or look(path))
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

    real_look = examine.look
    monkeypatch.setattr(examine, "look", stopping)
    words = ("--dataset", "coco", "--data-root", coco)
    code, out, said = run(*words)
    assert (code, out) == (130, "") and "the same line goes on" in said
    monkeypatch.setattr(examine, "look", real_look)
    assert "6 of 6 images decode, 4 of them known from before" in run(*words)[1]


def test_several_processes_find_what_one_finds(coco, tmp_path, monkeypatch):
    (coco / "train2017" / "1.jpg").write_bytes(b"no image")
    paths = sorted(map(str, coco.rglob("*.jpg")))
    one, _ = examine.examine(paths, Memory(tmp_path / "one", "coco"), 1)
    monkeypatch.setattr(examine, "SHARE", 2)
    two, decoded = examine.examine(paths, Memory(tmp_path / "two", "coco"), 2)
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
        layout.fetchable_into(name, source, Path("."))
    assert all(part in str(error.value) for part in (source.page, source.licence, source.layout))


# --download, from a server on this machine

XML = """<annotation><size><width>30</width><height>20</height></size><object><name>cat</name><bndbox><xmin>1</xmin>
<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"""


def packed(folder: Path, lists: dict[str, list[str]]) -> bytes:
    """A tar file of VOC2007 with these image lists."""
    files = []
    for name, stems in lists.items():
        files.append((f"VOCdevkit/VOC2007/ImageSets/Main/{name}.txt", "\n".join(stems).encode()))
        for stem in stems:
            image(folder / f"{stem}.jpg")
            files.append((f"VOCdevkit/VOC2007/JPEGImages/{stem}.jpg", (folder / f"{stem}.jpg").read_bytes()))
            files.append((f"VOCdevkit/VOC2007/Annotations/{stem}.xml", XML.encode()))
    return tar(folder / "made.tar", *files).read_bytes()


def offered(url: str, name: str, data: bytes, split: str, images: int, folder: Path) -> Archive:
    (folder / name).write_bytes(data)
    main, pictures = f"VOCdevkit/VOC2007/ImageSets/Main/{split}.txt", "VOCdevkit/VOC2007/JPEGImages"
    return Archive(name, len(data), download.checksum(folder / name), {main: 1, pictures: images}, (f"{url}/{name}",))


@pytest.fixture
def public(monkeypatch, tmp_path):
    """A public set `bccd` of two archives that share a folder, on servers that count what they are asked."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "OPENER", download._opener())
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "recipes")
    (tmp_path / "recipes").mkdir()
    text = (Path(__file__).parents[1] / "experiments" / "recipes" / "voc.yaml").read_text()
    splits = text.replace('"auto:train"', "2007_trainval").replace('"auto:val"', "2007_test")
    (tmp_path / "recipes" / "voc.yaml").write_text(splits)
    made = [packed(tmp_path, {"trainval": ["a", "b", "c"]}), packed(tmp_path, {"test": ["d", "e"]})]
    servers = [Served(data=data) for data in made]
    with serving(servers[0]) as first, serving(servers[1]) as second:
        archives = (
            offered(first, "trainval.tar", made[0], "trainval", 3, tmp_path),
            offered(second, "test.tar", made[1], "test", 2, tmp_path),
        )
        counts = {"2007_trainval": 3, "2007_test": 2}
        monkeypatch.setitem(SOURCES, "voc", replace(SOURCES["voc"], archives=archives, images=counts))
        yield servers


def test_a_set_is_fetched_unpacked_and_checked_once(run, public, tmp_path):
    root = tmp_path / "new" / "root"
    public[1].cuts = [1000]
    words = ("--dataset", "voc", "--data-root", root, "--download")
    code, out, said = run(*words)
    assert code == 0 and "verdict: good." in out and "5 of 5 images decode" in out, out + said
    assert "train = 2007_trainval: 3 images, as published" in out
    assert [server.asked for server in public] == [[""], ["", "bytes=1000-"]]
    assert sum("size and checksum as published" in line for line in lines(out, "ok")) == 2
    assert run(*words)[0] == 0
    for name in ("trainval.tar", "test.tar"):
        (root / name).unlink()
    assert run(*words)[0] == 0
    assert [len(server.asked) for server in public] == [1, 2]  # nothing was fetched again


def test_bad_and_missing_images_are_brought_back_from_the_archive(run, public, tmp_path):
    root = tmp_path / "root"
    words = ("--dataset", "voc", "--data-root", root)
    run(*words, "--download")
    folder = root / "VOCdevkit" / "VOC2007" / "JPEGImages"
    good = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(good[:200] + bytes(len(good) - 200))
    (folder / "d.jpg").unlink()
    code, out, _ = run(*words)
    assert code == 1 and str(folder / "d.jpg") in out and str(folder / "a.jpg") in out and lines(out, "fetch")
    assert run(*words, "--download")[0] == 0 and (folder / "a.jpg").read_bytes() == good
    (folder / "a.jpg").write_bytes(good[:200] + bytes(len(good) - 200))  # a bad one alone, in its size
    assert run(*words)[0] == 1
    assert run(*words, "--download")[0] == 0 and (folder / "a.jpg").read_bytes() == good
    assert [len(server.asked) for server in public] == [1, 1]


def test_an_archive_that_is_not_the_published_one_is_named_and_replaced(run, public, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "test.tar").write_bytes(public[1].data[:-1] + b"!")
    words = ("--dataset", "voc", "--data-root", root)
    assert f"{root}/test.tar: not the published file" in run(*words)[1]
    assert run(*words, "--download")[0] == 0


def test_a_fetch_that_fails_says_so_in_one_sentence_and_goes_on_later(run, public, tmp_path):
    good, public[1].data = public[1].data, public[1].data[:-1] + b"!"
    words = ("--dataset", "voc", "--data-root", tmp_path / "root", "--download")
    code, out, said = run(*words)
    assert code == 2 and out == "" and "it was thrown away" in said.splitlines()[-1]
    assert not list((tmp_path / "root").glob("test.tar*"))
    public[1].data = good
    assert run(*words)[0] == 0 and len(public[0].asked) == 1


def test_the_official_set_is_not_asked_of_data_in_its_layout(run, public, tmp_path):
    own = tmp_path / "own"
    (own / "JPEGImages").mkdir(parents=True)
    code, out, error = run("--dataset", "voc", "--data-root", own, "--download")
    assert code == 2 and out == "" and "holds JPEGImages" in error
    assert "tar" not in run("--dataset", "voc", "--data-root", own)[1]
    (tmp_path / "kit" / "VOC2007" / "JPEGImages").mkdir(parents=True)
    code, out, error = run("--dataset", "voc", "--data-root", tmp_path / "kit", "--download")
    assert code == 2 and out == "" and "give the parent of VOCdevkit" in error
    assert [server.asked for server in public] == [[], []]


def test_no_file_beside_the_command_hides_the_standard_library():
    """`python experiments/data/check.py` puts that folder first on the path."""
    assert {path.stem for path in Path(check.__file__).parent.iterdir()} & sys.stdlib_module_names == set()
