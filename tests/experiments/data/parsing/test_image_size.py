"""The size of an image, from its header."""

import pytest

from experiments.data.parsing.image_size import image_size
from experiments.runtime.errors import UserError
from tests.samples import image


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.webp", "a.tif", "a.gif"])
def test_height_comes_before_width(tmp_path, name):
    image(tmp_path / name, 30, 20)
    assert image_size(tmp_path / name) == (20, 30)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"no image", None])
def test_what_is_no_image_is_named(tmp_path, data):
    (tmp_path / "a.jpg").mkdir() if data is None else (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.jpg: no image can be read"):
        image_size(tmp_path / "a.jpg")
