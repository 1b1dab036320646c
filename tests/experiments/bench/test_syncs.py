"""No method lets the host wait more than twice before its gradients are there; a new method is held to it, too."""

from dataclasses import replace

import pytest

import assigners
from experiments.bench.syncs import CLASSES, SMALL, count_waits, crowded
from experiments.conformance.scenes import NOTHING, to_objects

MOST = 2
SWITCHES = [  # what takes another way through an assignment
    ("autoassign", {"fallback": "nearest"}),
    ("autoassign", {"center": "shared", "objectness": "explicit"}),
    ("freeanchor", {"block": 3000}),
    ("retinanet", {"block": 3000}),
]
CASES = [*((name, {}) for name in assigners.available()), *SWITCHES]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_a_step_waits_at_most_twice_for_its_gradients_and_once_for_its_numbers(name, settings):
    for batch in (crowded(), to_objects(NOTHING, NOTHING, classes=CLASSES)):
        gradients, after = count_waits(name, batch, **settings)
        assert len(gradients.to_host) <= MOST, gradients.to_host
        assert len(after.to_host) == 1, after.to_host
        assert gradients.to_device + after.to_device == []


@pytest.mark.parametrize("changes", [{"dcn": "c3-c5", "dcn_tower": True}, {"backbone": "resnet50", "style": "caffe"}])
def test_no_backbone_lets_the_host_wait_more(changes):
    config = replace(SMALL, width=0.125, **changes)
    plain, other = (count_waits("autoassign", crowded(), c) for c in (replace(SMALL, width=0.125), config))
    assert len(other[0].to_host) == len(plain[0].to_host) <= MOST and other[0].to_device == []
