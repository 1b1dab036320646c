"""What a HeadSpec can ask of the head: branches of any width on either tower, the pyramid, another style."""

from dataclasses import dataclass, replace

import pytest
import torch

import assigners
from assigners.assigner import Assigner
from assigners.interface import Branch, HeadSpec, HeadStyle
from assigners.losses.point import PointLoss
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.postprocess import Limits

WIDE = Branch("distribution", channels=68)
THIN = Branch("centre", tower="class", kernel=1, scores=True)
CONFIG = DetectorConfig("resnet18", "none", "gn", 0, 16, 1)


@dataclass(eq=False)
class Asking(Assigner):
    loss: PointLoss = PointLoss()

    @property
    def head(self) -> HeadSpec:
        return HeadSpec(branches=(WIDE, THIN), pyramid=True, style=HeadStyle(score="sqrt"))


def model(**settings) -> Detector:
    return Detector(CONFIG, Asking(3, channels=16, **settings))


def test_branches_and_pyramid_come_as_asked():
    images = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8)
    preds = model().predict(images)
    total = 2 * preds.grid.size
    assert {name: x.shape for name, x in preds.branches.items()} == {"distribution": (total, 68), "centre": (total, 1)}
    assert [tuple(x.shape) for x in preds.pyramid] == [(2, 16, -(-64 // s), -(-96 // s)) for s in (8, 16, 32, 64, 128)]
    assert preds.implicit is None
    plain = Detector(CONFIG, assigners.build("fcos", 3)).predict(images)
    assert plain.pyramid == () and set(plain.branches) == {"quality"}


def test_a_branch_sits_on_its_tower_with_its_kernel():
    head = model().head
    assert head.centre.kernel_size == (1, 1) and head.distribution.kernel_size == (3, 3)
    feature = torch.randn(1, 16, 4, 4)
    level = head._level(0, feature)
    expected = head.centre(head.class_tower(feature)).flatten()
    assert torch.equal(level["centre"].flatten(), expected)


def test_only_branches_that_score_multiply_the_score():
    net = model().eval()
    images, sizes = torch.randint(256, (1, 3, 64, 96), dtype=torch.uint8), torch.tensor([[64, 96]])
    limits = Limits(score_threshold=0.0, per_level=50, detections=5)
    before = net.detect(images, sizes, limits).scores
    with torch.no_grad():
        net.head.distribution.bias.fill_(9.0)
    assert torch.equal(net.detect(images, sizes, limits).scores, before)
    with torch.no_grad():
        net.head.centre.bias.fill_(9.0)
    assert (net.detect(images, sizes, limits).scores > before).all()


@pytest.mark.parametrize("name", ["fcos", "guidedanchoring", "metaanchor"])
def test_no_branch_takes_the_name_of_what_a_head_has(name):
    """add_module would raise a bare KeyError, or the variant's own attribute would replace the branch."""
    spec = assigners.build(name, 3, channels=16).spec()
    head = Detector(CONFIG, assigners.build(name, 3, channels=16)).head
    for taken in set(dir(head)) - {branch.name for branch in spec.branches}:
        with pytest.raises(assigners.AssignerError, match=f"cannot be called '{taken}'"):
            replace(spec, branches=(*spec.branches, Branch(taken)))
