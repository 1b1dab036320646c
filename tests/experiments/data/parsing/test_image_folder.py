"""Which names of an annotation file lead to an image on disk."""

import os
import unicodedata

import pytest

from experiments.data.parsing.image_folder import list_folder, points_outside
from experiments.runtime.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Lists these empty files."""

    def call(*names: str):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        return list_folder(tmp_path, tmp_path)

    return call


@pytest.mark.parametrize("name", ["sub/a b.jpg", "./sub/a b.jpg", "/sub/a b.jpg", "sub\\a b.jpg", ".\\sub\\a b.jpg"])
def test_separators_and_starts_of_other_tools_are_taken(folder, name):
    assert folder("sub/a b.jpg").find(name) == "sub/a b.jpg"


def test_a_backslash_that_is_part_of_the_name_stays(folder):
    assert folder("a\\b.jpg", "a/b.jpg").find("a\\b.jpg") == "a\\b.jpg"


@pytest.mark.parametrize("name", ["../a.jpg", "sub/../../a.jpg", "..\\a.jpg", "a\0.jpg", "/../a.jpg"])
def test_no_name_leaves_the_folder(folder, name):
    images = folder("a.jpg")
    assert points_outside(name) and images.find(name) is None and "points outside" in images.missing(name)


def test_an_absolute_name_is_looked_for_below_the_folder(folder):
    images = folder("a.jpg")
    assert images.find("/etc/passwd") is None and f"{images.folder}/etc/passwd does not exist" in images.missing(
        "/etc/passwd"
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_found_in_either_form(folder, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name = unicodedata.normalize(form, "été.jpg")
    assert folder(name).find(unicodedata.normalize(other, "été.jpg")) == name
    assert folder(name).with_stem(unicodedata.normalize(other, "été")) == [name]


def test_upper_and_lower_case_are_found_where_one_file_fits(folder):
    images = folder("A.JPG", "b.png", "B.png", "c.PNG")
    assert images.find("a.jpg") == "A.JPG" and images.find("b.png") == "b.png" and images.find("B.PNG") is None
    assert "B.PNG may be B.png or b.png" in images.missing("B.PNG")
    assert images.with_stem("a") == ["A.JPG"] and images.with_stem("c") == ["c.PNG"] and images.with_stem("d") == []


def test_a_stem_lists_every_image_of_it_and_no_other_file(folder):
    assert folder("a.png", "a.JPG", "a.txt", "a.b.jpg", "sub/a.jpg").with_stem("a") == ["a.JPG", "a.png"]


def test_links_are_followed_and_a_loop_ends(tmp_path):
    data, disk = tmp_path / "data", tmp_path / "disk"
    (data / "deep").mkdir(parents=True)
    disk.mkdir()
    (disk / "a.jpg").write_bytes(b"")
    for link, target in {"one": disk, "two": disk, "deep/up": data, "self": "self", "gone": "nowhere"}.items():
        os.symlink(target, data / link)
    os.symlink(data, disk / "back")
    names = list_folder(data, data).present
    assert {"one/a.jpg", "two/a.jpg"} <= names and not any("up/" in name or "back/" in name for name in names)


def test_the_files_of_a_folder_are_those_of_the_dataset(folder, tmp_path):
    images = folder("b.jpg", "a.PNG", "._a.png", ".cache/c.jpg", "__MACOSX/d.jpg", "notes.txt")
    assert images.files((".jpg", ".png")) == ["a.PNG", "b.jpg"]
    (tmp_path / os.fsdecode(b"\xe9.jpg")).write_bytes(b"")
    with pytest.raises(UserError, match=r"the file name '\\udce9.jpg' is not UTF-8"):
        list_folder(tmp_path, tmp_path).files((".jpg",))


def test_what_cannot_be_seen_in_a_name_is_spelled_out(folder):
    assert r"\ufeffa.jpg" in folder("a.jpg").missing("\ufeffa.jpg")
