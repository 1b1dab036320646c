"""Multi-scale testing on a detector whose answers are known: it finds the same shares of every image."""

from types import SimpleNamespace

import pytest
import torch

from detector.postprocess import Detected, Limits
from detector.views import Merging, Seen, look, merge
from detector.voting import MERGES

SHARES = torch.tensor([[0.1, 0.2, 0.3, 0.5], [0.5, 0.5, 0.9, 0.75], [0.0, 0.0, 1.0, 1.0]])  # x1 y1 x2 y2
SCORES = torch.tensor([0.9, 0.6, 0.3])
LEFT = 255  # of the first pixel, where the image is not flipped
SIZES = torch.tensor([[80, 120], [60, 100]])  # height and width of two images


class Equivariant:
    """Finds SHARES of each image, whatever its size; mirrored in a mirrored one."""

    assigner = SimpleNamespace(num_classes=2)
    spec = SimpleNamespace(style=SimpleNamespace(nms_iou=0.6))

    def detect(self, images, sizes, limits):
        mirrored = SHARES[:, [2, 1, 0, 3]] * torch.tensor([-1.0, 1, -1, 1]) + torch.tensor([1.0, 0, 1, 0])
        shares = [SHARES if image[0, 0, 0] == LEFT else mirrored for image in images]
        boxes = [share * size.flip(0).repeat(2) for share, size in zip(shares, sizes, strict=True)]
        image = torch.arange(len(images)).repeat_interleave(3)
        return Detected(image, torch.cat(boxes), torch.tensor([0, 1, 1] * len(images)), SCORES.repeat(len(images)))

    candidates = detect


def view(factor: float, flipped: bool = False, **filters: float) -> Seen:
    sizes = (SIZES * factor).round().long()
    images = torch.zeros(2, 3, *sizes.amax(0).tolist(), dtype=torch.uint8)
    images[:, 0, 0, 0] = 0 if flipped else LEFT
    return Seen(images, sizes, torch.full((2,), 2 * factor), flipped, **filters)


def merging(kind: str, original: bool = False, plus: float = 0.0) -> Merging:
    return Merging(kind, Limits(detections=10, plus=plus), 0.66, original)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("factor", [0.5, 1.0, 1.7, 4.0])
def test_an_equivariant_detector_gives_the_same_boxes_from_every_view(factor, flipped):
    out = look(Equivariant(), view(factor, flipped), SIZES, merging("soft_vote"))
    torch.testing.assert_close(out.boxes, torch.cat([SHARES * size.flip(0).repeat(2) for size in SIZES]))


@pytest.mark.parametrize("plus", [0.0, 1.0])
@pytest.mark.parametrize("kind", MERGES)
def test_the_views_of_an_equivariant_detector_merge_into_those_of_one(kind, plus):
    rule, model = merging(kind, plus=plus), Equivariant()
    one = look(model, view(1.0), SIZES, rule)
    views = [look(model, view(factor, flip), SIZES, rule) for factor in (1.0, 0.5, 1.7) for flip in (False, True)]
    out = merge(views, model, rule)
    order = (out.image * 10 + 1 - out.scores).argsort()  # selections of two images are image by image
    torch.testing.assert_close(out.at(order).boxes, one.boxes)
    for name in ("image", "labels", "scores"):
        torch.testing.assert_close(getattr(out.at(order), name), getattr(one, name))


@pytest.mark.parametrize("kind", MERGES)
def test_one_view_stays_as_it_is_to_the_bit(kind):
    model, rule = Equivariant(), merging(kind)
    out, normal = merge([look(model, view(1.3), view(1.3).sizes, rule)], model, rule), model.detect
    seen = view(1.3)
    for a, b in zip(vars(out).values(), vars(normal(seen.images, seen.sizes, rule.limits)).values(), strict=True):
        assert torch.equal(a, b)


# The areas of image 0 at factor 1, pixels: 24 x 24, 48 x 20, 120 x 80; the original is half as large.
@pytest.mark.parametrize(
    ("filters", "original", "factor", "kept"),
    [
        ({}, False, 1.0, 3),
        ({"least": 24.0}, False, 1.0, 2),
        ({"least": 23.9, "most": 90.0}, False, 1.0, 2),
        ({"most": 40.0}, False, 1.0, 2),
        ({"most": 40.0}, False, 2.0, 0),
        ({"most": 16.0}, True, 1.0, 2),
        ({"most": 16.0}, True, 2.0, 2),
        ({"most": 16.0}, False, 1.0, 0),
    ],
)
def test_boxes_are_measured_in_the_resized_or_in_the_original_image(filters, original, factor, kept):
    out = look(Equivariant(), view(factor, **filters), SIZES, merging("soft_vote", original))
    assert int((out.image == 0).sum()) == kept


def test_the_last_pixel_counts_in_the_filter_where_the_recipe_says_so():
    rows = [look(Equivariant(), view(1.0, least=24.5), SIZES, merging("soft_vote", plus=plus)) for plus in (0.0, 1.0)]
    assert [int((out.image == 0).sum()) for out in rows] == [2, 3]
