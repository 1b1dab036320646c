"""The guided head: shapes become prior boxes, features adapt to them, and the location masks at test."""

from dataclasses import replace

import pytest
import torch

import assigners
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.postprocess import Limits, postprocess

CONFIG = DetectorConfig("resnet18", "none", "gn", 0, 16, 1)
IMAGES = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def model(**settings) -> Detector:
    return Detector(CONFIG, assigners.build("guidedanchoring", 3, **settings), seed=2)


def test_prior_boxes_are_the_squares_scaled_by_exp_of_the_shape():
    preds = model().predict(IMAGES)
    loc = torch.tensor([3, preds.grid.size + 7])
    shape = torch.zeros_like(preds.branches["shape"]).index_copy(0, loc, torch.tensor([[0.5, -0.5], [40.0, -40.0]]))
    shape.requires_grad_()
    preds = replace(preds, branches=preds.branches | {"shape": shape})
    cell, limit = preds.grid.boxes[loc % preds.grid.size], torch.tensor([1e6, 1e-6])
    expected = torch.stack((32 * torch.tensor([0.5, -0.5]).exp(), 32 * limit))
    sizes = preds.prior_sizes(loc)
    torch.testing.assert_close(sizes, expected)
    boxes = preds.prior_boxes(loc)
    torch.testing.assert_close(boxes[0, 2:] - boxes[0, :2], expected[0])
    torch.testing.assert_close((boxes[0, :2] + boxes[0, 2:]) / 2, (cell[0, :2] + cell[0, 2:]) / 2)
    assert not boxes.requires_grad and sizes.requires_grad
    target = torch.tensor([[1.0, 2.0, 30.0, 40.0]])
    assert preds.boxes_at(loc[:1]).shape == target.shape
    deltas = preds.encode(loc[:1], target)
    torch.testing.assert_close(replace(preds, deltas=deltas.expand(len(shape), 4)).boxes_at(loc[:1]), target)


def test_a_plain_head_has_the_priors_of_its_grid():
    preds = Detector(CONFIG, assigners.build("retinanet", 3)).predict(IMAGES)
    loc = torch.arange(len(preds.logits))
    assert torch.equal(preds.prior_boxes(loc), preds.grid.boxes.repeat(2, 1))
    assert torch.equal(preds.prior_sizes(loc), (preds.grid.boxes[:, 2:] - preds.grid.boxes[:, :2]).repeat(2, 1))


def test_the_head_starts_as_its_paper_says():
    head = model().head
    assert head.location.kernel_size == head.shape.kernel_size == (1, 1)
    assert head.location.bias.sigmoid().item() == pytest.approx(0.01, rel=1e-5) and not head.shape.bias.any()
    for adaption in (head.class_adaption, head.box_adaption):
        assert adaption.offset.weight.shape == (72, 2, 1, 1) and adaption.deform.weight.shape == (16, 16, 3, 3)
        assert adaption.offset.weight.std().item() == pytest.approx(0.1, rel=0.3)
        assert adaption.deform.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert adaption.offset.bias is None and adaption.deform.bias is None
    assert not torch.equal(head.class_adaption.deform.weight, head.box_adaption.deform.weight)


def test_an_offset_of_a_pixel_reads_the_neighbour():
    """Known answer: with weight 1 on the middle tap, an offset field of (dy, dx) = (0, 1) shifts the map by a cell."""
    adaption = model().head.class_adaption
    x = torch.rand(1, 16, 5, 7)
    with torch.no_grad():
        adaption.deform.weight.zero_()
        adaption.deform.weight[range(16), range(16), 1, 1] = 1
        adaption.offset.weight.zero_()
        torch.testing.assert_close(adaption(x, torch.ones(1, 2, 5, 7)), x)
        adaption.offset.weight[1::2, 0] = 1  # every dx is the first number of the shape
        shifted = adaption(x, torch.ones(1, 2, 5, 7))
    torch.testing.assert_close(shifted[..., :-1], x[..., 1:])
    assert not shifted[..., -1].any()


def test_features_adapt_in_float32_under_autocast():
    adaption, draw = model().head.class_adaption, torch.Generator().manual_seed(0)
    x, shape = (torch.randn(1, channels, 5, 7, generator=draw).bfloat16() for channels in (16, 2))
    expected = adaption(x.float(), shape.float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(adaption(x, shape), expected)


def test_the_offsets_do_not_teach_the_shape():
    net = model()
    preds = net.predict(IMAGES)
    (preds.logits.sum() + preds.deltas.sum()).backward()
    assert net.head.shape.weight.grad is None and net.head.class_adaption.offset.weight.grad.any()


def test_class_tower_and_outputs_start_as_those_of_the_plain_head():
    guided, plain = model().head, Detector(CONFIG, assigners.build("fcos", 3), seed=2).head
    for name in ("class_tower.0", "box_tower.0", "logits", "deltas"):
        assert torch.equal(guided.get_submodule(name).weight, plain.get_submodule(name).weight), name


def test_cells_of_a_low_location_score_are_skipped_at_test_and_the_score_is_the_class_alone():
    preds, sizes = model().predict(IMAGES), torch.tensor([[64, 96]] * 2)
    logits = torch.full_like(preds.logits, -9.0)
    logits[[5, 50]] = 2.0
    location = torch.full_like(preds.branches["location"], 4.0)
    location[50] = -4.6  # sigma 0.00995
    far = replace(preds, logits=logits, branches=preds.branches | {"location": location})
    out = postprocess(far, sizes, Limits(score_threshold=0.05))
    expected = torch.tensor(2.0).sigmoid().item()
    assert len(out.scores) == 3 and out.scores.tolist() == pytest.approx([expected] * 3)
    location[50] = -4.59  # 0.01005
    assert len(postprocess(far, sizes, Limits(score_threshold=0.05)).scores) > 3


def test_bf16_computes_the_adaption_in_float32():
    net = model()
    with torch.autocast("cpu", torch.bfloat16):
        preds = net.predict(IMAGES)
    assert preds.logits.dtype == torch.float32 and preds.logits.isfinite().all()
