"""What image files were: a sample of their contents, and how a change is noticed."""

import numpy as np
import pytest

from experiments.data import image_files
from experiments.data.image_files import hash_rows, sample
from experiments.data.packed_paths import pack_paths
from experiments.runtime.errors import UserError


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 23, 1000])
def test_the_sample_follows_from_the_number_of_images(monkeypatch, tmp_path, n):
    monkeypatch.setattr(image_files, "SAMPLE", 8)
    rows = sample(n).tolist()
    assert len(set(rows)) == len(rows) == min(n, 8) and all(0 <= i < n for i in rows)
    files = image_files.image_files(pack_paths([f"{i}.jpg" for i in range(n)], str(tmp_path)))
    assert [files._row(i) for i in rows] == list(range(len(rows)))
    assert sum(files._row(i) is not None for i in range(n)) == len(rows)
    assert (files.bytes == -1).all() and not files.hashes.any()  # there are no files


def test_of_what_is_not_hashed_a_change_shows_by_its_size(monkeypatch, tmp_path):
    """Until all are hashed."""
    monkeypatch.setattr(image_files, "SAMPLE", 2)
    paths = pack_paths(["0", "1", "2", "3"], str(tmp_path))
    for path in paths:
        with open(path, "wb") as file:
            file.write(b"abc")
    files = image_files.image_files(paths)
    every = image_files.ImageFiles(files.bytes, files.times - 1, hash_rows(paths, np.arange(4)))
    assert files.now(paths) is files and every.now(paths).times.tolist() == files.times.tolist()
    (tmp_path / "1").write_bytes(b"abd")
    assert files.now(paths) is files  # outside of the sample
    with open(paths[1], "rb") as file, pytest.raises(UserError, match=r"1: the image changed .*its content"):
        every.check(1, file, paths[1])
    (tmp_path / "1").write_bytes(b"abcd")
    with open(paths[1], "rb") as file, pytest.raises(UserError, match="from 3 to 4 bytes"):
        files.check(1, file, paths[1])
    (tmp_path / "2").write_bytes(b"abd")
    assert files.now(paths) is None or files.times[2] == (tmp_path / "2").stat().st_mtime_ns
    (tmp_path / "2").unlink()
    assert files.now(paths) is None
