"""What happens to an image and its boxes on their way into a batch."""

import numpy as np
import torch

from experiments.data import transforms


def test_a_crop_holds_the_centre_of_a_box():
    rng = np.random.default_rng(1)
    for _ in range(200):
        width, height = rng.integers(1, 60, 2).tolist()
        corner = rng.random((3, 2)) * (width, height)
        boxes = np.concatenate((corner, corner + rng.random((3, 2)) * ((width, height) - corner)), 1)
        x1, y1, x2, y2 = transforms.random_window(boxes, height, width, 0.25, rng)
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        assert x2 - x1 >= int(width * 0.25 + 0.5) and y2 - y1 >= int(height * 0.25 + 0.5)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        assert ((centre >= (x1, y1)) & (centre <= (x2, y2))).all(1).any()
    assert transforms.random_window(np.zeros((0, 4)), 20, 30, 0.25, rng)[2] <= 30  # no box: anywhere


def test_the_boxes_of_a_crop_fit_its_pixels():
    image = torch.arange(48).view(1, 6, 8)
    boxes = torch.tensor([[1.0, 1, 4, 5], [0, 0, 2, 2]])
    cropped, cut, keep = transforms.crop(image, boxes, (2, 1, 8, 6))
    assert cropped.shape == (1, 5, 6) and cropped[0, 0, 0] == image[0, 1, 2]
    assert cut[keep].tolist() == [[0, 0, 2, 4]] and keep.tolist() == [True, False]


def test_colours_change_by_no_more_than_asked():
    image = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    image[0] += 50
    means = [float(transforms.colours(image, 0.4, np.random.default_rng(i)).float().mean()) for i in range(50)]
    assert 0.55 < min(means) / 116.67 < 0.8 and 1.2 < max(means) / 116.67 < 1.45
    assert torch.equal(transforms.colours(image, 0.0, np.random.default_rng(0)), image)
