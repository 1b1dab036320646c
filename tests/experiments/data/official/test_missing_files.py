"""The files that the annotations name and that are not there."""

from experiments.data.official.missing_files import missing_files


def test_names_that_point_outside_are_not_searched(tmp_path):
    for path, text in (
        ("VOC2007/ImageSets/Main/train.txt", "../../x\n/etc/x\na\n\n"),
        ("annotations/instances_x.json", "["),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert missing_files(tmp_path) == [str(tmp_path / "VOC2007" / x) for x in ("Annotations/a.xml", "JPEGImages/a.jpg")]


def write(root, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def test_a_missing_image_has_the_ending_that_the_others_have(tmp_path):
    images = {f"JPEGImages/{name}": b"" for name in ("a.PNG", "b.PNG", "c d.jpg", "e\u0301.PNG")}
    listed = "a\nb  1\nc d\nx\n\u00e9\n".encode("utf-16")
    write(tmp_path, images | {"ImageSets/Main/train.txt": listed, "Annotations/a.XML": b"", "Annotations/x.XML": b""})
    lacks = ["Annotations/b.XML", "Annotations/c d.XML", "Annotations/\u00e9.XML", "JPEGImages/x.PNG"]
    assert missing_files(tmp_path) == [str(tmp_path / name) for name in lacks]


def test_of_an_odd_json_all_names_count_that_are_names(tmp_path):
    records = (
        '{"file_name": NaN}, {"id": NaN}, NaN, {"file_name": "sub\\\\b.jpg"}, {"file_name": "\\ud800"}, {"file_name": "'
    )
    text = f'{{"images": [{records}{"x" * 5000}"}}, {{"file_name": "/a.jpg"}}]}}'
    write(tmp_path, {"annotations/instances_x.json": text.encode("utf-8-sig"), "x/a.jpg": b""})
    for name, odd in enumerate(("NaN", "[]", '{"images": NaN}', '{"images": {"a": 1}}', "[" * 100_000, "\xff")):
        write(tmp_path, {f"annotations/instances_{name}.json": odd.encode("latin-1")})
    (tmp_path / "annotations" / "instances_folder.json").mkdir()
    assert missing_files(tmp_path) == [str(tmp_path / "x" / "sub" / "b.jpg"), str(tmp_path / "x" / ("x" * 5000))]
