"""FCOS's matching against torchvision's, and its oracle by hand."""

import pytest
import torch
from torchvision.models.detection import fcos_resnet50_fpn

import assigners
from detector.grid import make_grid
from tests.oracles import fcos
from tests.oracles.scenes import SIZES, loose_objects


class Assigned(Exception):
    """Carries what torchvision's FCOS matched."""


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize(("name", "radius"), [("fcos", 1.5), ("plain_fcos", 1e9)])
def test_it_matches_as_torchvision_does_where_the_rules_agree(name, radius, n, monkeypatch):
    """torchvision asks for the centre box and the object apart, we for their intersection: the same set."""
    assigner = assigners.build(name, 4)
    grid, truth = make_grid(assigner.spec(), SIZES), loose_objects(n, n, 4)
    model = fcos_resnet50_fpn(weights=None, weights_backbone=None, center_sampling_radius=radius)

    def stop(_, targets, outputs, anchors, matched):
        raise Assigned(matched)

    monkeypatch.setattr(type(model.head), "compute_loss", stop)
    half = grid.stride[:, None] / 2
    anchors = torch.cat((grid.centers - half, grid.centers + half), 1)
    sizes = [level.stop - level.start for level in grid.levels]
    with pytest.raises(Assigned) as caught:
        model.compute_loss([{"boxes": truth.boxes}], {}, [anchors], sizes)
    a = assigner.assign(grid, truth, None)
    listed = a.pos > 0
    matched = torch.full((grid.size,), -1).index_copy(0, a.loc[listed], a.gt[listed])
    assert torch.equal(matched, caught.value.args[0][0])


def test_the_oracle_gives_the_centerness_computed_by_hand():
    assert fcos.centerness(2, 5, [0, 0, 10, 10]) == 0.5
