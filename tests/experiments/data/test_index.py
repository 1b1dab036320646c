"""An index: the hash of its content, and its images."""

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from experiments.data.index import decode
from experiments.data.pixels import BadImage
from experiments.data.readers import coco
from tests.samples import instances, write_coco


def test_the_hash_of_the_content_is_that_of_the_content(tmp_path):
    data = instances()
    data["images"].append(data["images"][0] | {"id": 3})
    write_coco(tmp_path, json.dumps(data))
    index = coco.read(tmp_path, "train2017", ())
    assert index.only(np.array([0])).digest() != index.digest() == index.only(np.array([0, 1])).digest()


def test_a_decoded_image_is_what_torchvision_decodes(tmp_path):
    """Bit for bit; greyscale is repeated, and a cut file is no half image."""
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    for name, image in (("rgb.jpg", Image.fromarray(noise)), ("grey.jpg", Image.fromarray(noise[..., 0]))):
        image.save(tmp_path / name, quality=80)
        data = (tmp_path / name).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            reference = decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
        assert torch.equal(decode(str(tmp_path / name)), reference)
        (tmp_path / name).write_bytes(data[:-200])
        with pytest.raises(BadImage, match=rf"{name}: the image does not decode"):
            decode(str(tmp_path / name))
