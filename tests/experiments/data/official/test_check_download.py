"""`run.py --check-data --download`: a public dataset from a server on this machine, complete and checked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.data.official import download
from experiments.data.official.sources import SOURCES, Archive
from experiments.recipes import names
from tests.file_server import Served, serving
from tests.samples import XML, image, tar


def packed(folder: Path, lists: dict[str, list[str]]) -> bytes:
    """A tar file of VOC2007 with these image lists."""
    files = []
    for name, stems in lists.items():
        files.append((f"VOCdevkit/VOC2007/ImageSets/Main/{name}.txt", "\n".join(stems).encode()))
        for stem in stems:
            image(folder / f"{stem}.jpg")
            files.append((f"VOCdevkit/VOC2007/JPEGImages/{stem}.jpg", (folder / f"{stem}.jpg").read_bytes()))
            files.append((f"VOCdevkit/VOC2007/Annotations/{stem}.xml", XML.format("", "cat", 9).encode()))
    return tar(folder / "packed.tar", *files).read_bytes()


def offered(url: str, name: str, data: bytes, split: str, images: int, folder: Path) -> Archive:
    (folder / name).write_bytes(data)
    listing, jpegs = f"VOCdevkit/VOC2007/ImageSets/Main/{split}.txt", "VOCdevkit/VOC2007/JPEGImages"
    return Archive(name, len(data), download.checksum(folder / name), {listing: 1, jpegs: images}, (f"{url}/{name}",))


@pytest.fixture
def public(monkeypatch, tmp_path, no_proxy) -> Iterator[list[Served]]:
    """A public dataset `voc` of two archives that share a folder, on servers that count what they are asked."""
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    text = (names.FOLDER / "voc.yaml").read_text()
    monkeypatch.setattr(names, "FOLDER", tmp_path / "recipes")
    (tmp_path / "recipes").mkdir()
    splits = text.replace('"auto:train"', "2007_trainval").replace('"auto:val"', "2007_test")
    (tmp_path / "recipes" / "voc.yaml").write_text(splits)
    contents = [packed(tmp_path, {"trainval": ["a", "b", "c"]}), packed(tmp_path, {"test": ["d", "e"]})]
    servers = [Served(data=data) for data in contents]
    with serving(servers[0]) as first, serving(servers[1]) as second:
        archives = (
            offered(first, "trainval.tar", contents[0], "trainval", 3, tmp_path),
            offered(second, "test.tar", contents[1], "test", 2, tmp_path),
        )
        counts = {"2007_trainval": 3, "2007_test": 2}
        monkeypatch.setitem(SOURCES, "voc", replace(SOURCES["voc"], archives=archives, images=counts))
        yield servers


def test_a_dataset_is_fetched_unpacked_and_checked_once(check_data, public, tmp_path):
    root = tmp_path / "new" / "root"
    public[1].cuts = [1000]
    words = ("--dataset", "voc", "--data-root", root, "--download")
    code, out, error = check_data(*words)
    assert code == 0 and "verdict: run.py can train and test on it" in out and "5 of 5 images decode" in out, (
        out + error
    )
    assert "train = 2007_trainval: 3 images, as published" in out
    assert [server.asked for server in public] == [[""], ["", "bytes=1000-"]]
    assert sum(line.startswith("ok ") and "size and checksum as published" in line for line in out.splitlines()) == 2
    assert check_data(*words)[0] == 0
    for name in ("trainval.tar", "test.tar"):
        (root / name).unlink()
    assert check_data(*words)[0] == 0
    assert [len(server.asked) for server in public] == [1, 2]  # nothing was fetched again


def test_bad_and_missing_images_are_brought_back_from_the_archive(check_data, public, tmp_path):
    root = tmp_path / "root"
    words = ("--dataset", "voc", "--data-root", root)
    check_data(*words, "--download")
    folder = root / "VOCdevkit" / "VOC2007" / "JPEGImages"
    good = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(good[:200] + bytes(len(good) - 200))
    (folder / "d.jpg").unlink()
    code, out, _ = check_data(*words)
    assert code == 1 and str(folder / "d.jpg") in out and str(folder / "a.jpg") in out and "\nfetch    " in out
    assert check_data(*words, "--download")[0] == 0 and (folder / "a.jpg").read_bytes() == good
    (folder / "a.jpg").write_bytes(good[:200] + bytes(len(good) - 200))  # a bad one alone, in its size
    assert check_data(*words)[0] == 1
    assert check_data(*words, "--download")[0] == 0 and (folder / "a.jpg").read_bytes() == good
    assert [len(server.asked) for server in public] == [1, 1]


def test_an_archive_that_is_not_the_published_one_is_named_and_replaced(check_data, public, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "test.tar").write_bytes(public[1].data[:-1] + b"!")
    words = ("--dataset", "voc", "--data-root", root)
    assert f"{root}/test.tar: not the published file" in check_data(*words)[1]
    assert check_data(*words, "--download")[0] == 0


def test_a_fetch_that_fails_is_one_sentence_and_can_be_resumed(check_data, public, tmp_path):
    good, public[1].data = public[1].data, public[1].data[:-1] + b"!"
    words = ("--dataset", "voc", "--data-root", tmp_path / "root", "--download")
    code, out, error = check_data(*words)
    assert code == 2 and out == "" and "it was thrown away" in error.splitlines()[-1]
    assert not list((tmp_path / "root").glob("test.tar*"))
    public[1].data = good
    assert check_data(*words)[0] == 0 and len(public[0].asked) == 1


def test_the_official_dataset_is_not_asked_of_data_in_its_layout(check_data, public, tmp_path):
    own = tmp_path / "own"
    (own / "JPEGImages").mkdir(parents=True)
    code, out, error = check_data("--dataset", "voc", "--data-root", own, "--download")
    assert code == 2 and out == "" and "holds JPEGImages" in error
    assert "tar" not in check_data("--dataset", "voc", "--data-root", own)[1]
    (tmp_path / "kit" / "VOC2007" / "JPEGImages").mkdir(parents=True)
    code, out, error = check_data("--dataset", "voc", "--data-root", tmp_path / "kit", "--download")
    assert code == 2 and out == "" and "give the parent of VOCdevkit" in error
    assert [server.asked for server in public] == [[], []]
