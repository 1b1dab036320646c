"""The detector's parts against plain references: coders, post-processing, head, and torchvision's own matching."""

from dataclasses import replace

import pytest
import torch
from torchvision.models.detection import fcos_resnet50_fpn, retinanet_resnet50_fpn
from torchvision.ops import box_iou, nms

import assigners
from assigners.interface import HeadSpec, Objects
from detector.coders import coder
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.grid import make_grid
from detector.postprocess import Limits, postprocess
from detector.predictions import DensePredictions

SIZES = ((8, 16, 20), (16, 8, 10), (32, 4, 5), (64, 2, 3), (128, 1, 2))
HEIGHT, WIDTH = 128, 160


def boxes(n: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * torch.tensor([WIDTH - 40.0, HEIGHT - 40.0])
    return torch.cat((corner, corner + 4 + 90 * torch.rand(n, 2, generator=generator) ** 2), 1)


def objects(n: int, seed: int, classes: int) -> Objects:
    labels = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    none = torch.zeros(0, dtype=torch.long)
    image = torch.zeros_like(labels)
    return Objects(
        boxes=boxes(n, seed), labels=labels, image=image, ignore=torch.zeros(0, 4), ignore_image=none, images=1
    )


def predictions(spec: HeadSpec, images: int, classes: int, seed: int) -> DensePredictions:
    grid = make_grid(spec, SIZES)
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    n = images * grid.size
    branches = {branch.name: draw(n, branch.channels) for branch in spec.branches}
    return DensePredictions(grid, images, spec, draw(n, classes), draw(n, 4) + spec.style.box_bias, branches)


@pytest.mark.parametrize("name", ["retinanet", "freeanchor"])
def test_deltas_round_trip(name):
    spec = assigners.build(name, 1).spec()
    grid = make_grid(spec, SIZES)
    prior = torch.arange(0, grid.size, 37)
    target, anchors = boxes(len(prior), 0), (grid.boxes[prior], grid.stride[prior, None])
    torch.testing.assert_close(coder(spec).decode(*anchors, coder(spec).encode(*anchors, target)), target)


def test_distances_round_trip_and_never_turn_a_box_inside_out():
    spec = assigners.build("atss", 1).spec()
    grid = make_grid(spec, SIZES)
    prior = torch.arange(0, grid.size, 7)
    target = torch.cat((grid.centers[prior] - 5, grid.centers[prior] + 9), 1)
    anchors = (grid.boxes[prior], grid.stride[prior, None])
    torch.testing.assert_close(coder(spec).decode(*anchors, coder(spec).encode(*anchors, target)), target)
    decoded = coder(spec).decode(*anchors, torch.full((len(prior), 4), -3.0))
    assert (decoded[:, 2:] >= decoded[:, :2]).all()


def test_points_sit_where_the_methods_put_them():
    def first(name):
        return make_grid(assigners.build(name, 1).spec(), SIZES).centers[:2].tolist()

    assert first("fcos") == [[4.0, 4.0], [12.0, 4.0]]
    assert first("autoassign") == [[0.0, 0.0], [8.0, 0.0]]


def slow_postprocess(preds: DensePredictions, image: int, limits: Limits) -> list[tuple[float, int, list[float]]]:
    """Every score of one image, level by level, class by class."""
    found, p = [], preds.grid.size
    all_boxes = preds.boxes()
    for level in preds.grid.levels:
        rows = []
        for loc in range(image * p + level.start, image * p + level.stop):
            for k in range(preds.logits.shape[1]):
                score = preds.logits[loc, k].sigmoid()
                for branch in preds.branches.values():
                    score = score * branch[loc, 0].sigmoid()
                rows.append((score.sqrt().item() if preds.spec.style.score == "sqrt" else score.item(), k, loc))
        found += sorted(rows, reverse=True)[: limits.per_level]
    kept = []
    for k in range(preds.logits.shape[1]):
        mine = [row for row in found if row[1] == k and row[0] > limits.score_threshold]
        if mine:
            edge = torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT])
            candidates = torch.minimum(torch.stack([all_boxes[loc] for _, _, loc in mine]).clamp(min=0), edge)
            for i in nms(candidates, torch.tensor([score for score, _, _ in mine]), preds.spec.style.nms_iou).tolist():
                kept.append((mine[i][0], k, candidates[i].tolist()))
    return sorted(kept, reverse=True)[: limits.detections]


@pytest.mark.parametrize(("name", "objectness"), [("autoassign", "implicit"), ("fcos", "none"), ("retinanet", "none")])
def test_postprocess_equals_sorting_everything(name, objectness):
    spec = assigners.build(name, 3, objectness=objectness).spec()
    preds, limits = predictions(spec, 2, 3, seed=4), Limits(0.3, 40, 25)
    out = postprocess(preds, torch.tensor([[HEIGHT, WIDTH]] * 2), limits)
    for image in range(2):
        slow = slow_postprocess(preds, image, limits)
        mine = out.image == image
        torch.testing.assert_close(out.scores[mine], torch.tensor([row[0] for row in slow]))
        assert out.labels[mine].tolist() == [row[1] for row in slow]
        torch.testing.assert_close(out.boxes[mine], torch.tensor([row[2] for row in slow]))


@pytest.mark.parametrize("n", [1, 7, 60])
def test_retinanet_matches_as_torchvision_does(n):
    assigner = assigners.build("retinanet", 4)
    grid, truth = make_grid(assigner.spec(), SIZES), objects(n, n, 4)
    matcher = retinanet_resnet50_fpn(weights=None, weights_backbone=None).proposal_matcher
    theirs = matcher(box_iou(truth.boxes, grid.boxes))
    ours = assigner.assign(grid, truth, None)
    mine = torch.full((grid.size,), -1).index_copy(0, ours.loc, ours.gt).masked_fill(ours.ignore, -2)
    assert torch.equal(mine, theirs)


class Assigned(Exception):
    """Carries what torchvision's FCOS matched."""


@pytest.mark.parametrize("n", [1, 7, 60])
def test_fcos_matches_as_torchvision_does_where_the_rules_agree(n, monkeypatch):
    """torchvision asks for the centre box and the object apart, we for their intersection: the same set."""
    assigner = assigners.build("fcos", 4)
    grid, truth = make_grid(assigner.spec(), SIZES), objects(n, n, 4)
    model = fcos_resnet50_fpn(weights=None, weights_backbone=None)

    def stop(_, targets, outputs, anchors, matched):
        raise Assigned(matched)

    monkeypatch.setattr(type(model.head), "compute_loss", stop)
    half = grid.stride[:, None] / 2
    anchors = torch.cat((grid.centers - half, grid.centers + half), 1)
    sizes = [level.stop - level.start for level in grid.levels]
    with pytest.raises(Assigned) as caught:
        model.compute_loss([{"boxes": truth.boxes}], {}, [anchors], sizes)
    ours = assigner.assign(grid, truth, None)
    listed = ours.pos > 0
    mine = torch.full((grid.size,), -1).index_copy(0, ours.loc[listed], ours.gt[listed])
    assert torch.equal(mine, caught.value.args[0][0])


@pytest.mark.parametrize("name", assigners.available())
@pytest.mark.parametrize("mode", ["native", "controlled"])
def test_every_method_trains_a_step_on_a_batch_with_an_empty_image(name, mode):
    torch.manual_seed(0)
    config = DetectorConfig("resnet18", "none", "gn", 0, 32, 1, mode)
    model = Detector(config, assigners.build(name, 3))
    terms, _ = model(torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8), replace_images(objects(3, 1, 3), 2), 0.0)
    sum(terms.values()).backward()
    assert all(torch.isfinite(term) for term in terms.values())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def replace_images(truth: Objects, images: int) -> Objects:
    return replace(truth, images=images)


def test_the_largest_backbone_and_the_smallest_give_strides_8_16_32():
    for name in ("resnet50", "mobilenet_v2"):
        config = DetectorConfig(name, "none", "frozen_bn", 2, 32, 1, "native")
        model = Detector(config, assigners.build("atss", 2))
        assert [f.shape[-1] for f in model.backbone(torch.zeros(1, 3, 64, 64))] == [8, 4, 2]
        assert any(not p.requires_grad for p in model.backbone.parameters())
