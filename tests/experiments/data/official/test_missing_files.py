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
