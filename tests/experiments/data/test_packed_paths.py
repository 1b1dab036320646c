"""The names of all image files in one buffer."""

import numpy as np
import pytest

from experiments.data.packed_paths import pack_paths


def test_paths_are_one_buffer():
    paths = pack_paths(["a/é.jpg", "", "b.jpg"], "/root")
    assert list(paths) == ["/root/a/é.jpg", "", "/root/b.jpg"] and paths.base_names() == ["é.jpg", "", "b.jpg"]
    assert list(paths.only(np.array([2, 0]))) == ["/root/b.jpg", "/root/a/é.jpg"]
    with pytest.raises(IndexError):
        paths[3]
