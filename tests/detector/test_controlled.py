"""Controlled heads: the style is the reference's, part by part, and nothing else of a head changes."""

from dataclasses import asdict, fields, replace

import pytest

import assigners
from assigners.interface import HeadStyle
from detector.config import PARTS, DetectorConfig
from detector.controlled import FIELDS, head_spec

NATIVE = DetectorConfig("resnet18", "none", "gn", 0, 32, 1)


def controlled(reference: str, *parts: str) -> DetectorConfig:
    return replace(NATIVE, mode="controlled", reference=reference, parts=parts or PARTS)


def test_every_field_of_a_style_belongs_to_one_part():
    names = [name for part in PARTS for name in FIELDS[part]]
    assert sorted(names) == sorted(f.name for f in fields(HeadStyle))


@pytest.mark.parametrize("name", assigners.METHODS)
@pytest.mark.parametrize("reference", ["autoassign", "fcos"])
def test_controlled_mode_changes_the_style_alone(name, reference):
    assigner = assigners.build(name, 3)
    native, ours = head_spec(assigner, NATIVE), head_spec(assigner, controlled(reference))
    assert ours.style == assigners.build(reference, 1).head.style
    assert replace(ours, style=native.style) == native


def test_the_head_of_autoassign_is_the_one_that_controlled_mode_has_always_given():
    assert head_spec(assigners.build("atss", 3), controlled("autoassign")).style == HeadStyle(
        offset=0.0, norm="gn", p6_from="c5", prior_prob=0.02, box_bias=4.0, score="product", nms_iou=0.6
    )


@pytest.mark.parametrize("part", PARTS)
def test_one_part_is_swapped_alone(part):
    assigner, reference = assigners.build("retinanet", 3), asdict(assigners.build("fcos", 1).head.style)
    before, after = (asdict(head_spec(assigner, config).style) for config in (NATIVE, controlled("fcos", part)))
    for name in before:
        assert after[name] == (reference if name in FIELDS[part] else before)[name]
