"""Each part of a model draws its initial weights from a stream of its own."""

from dataclasses import replace

import torch
from torch import Tensor, nn

import assigners
from assigners.interface import QUALITY, Branch, HeadSpec, HeadStyle
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.heads.towers import Head
from detector.streams import convolutions, generator, global_stream

CONFIG = DetectorConfig("resnet18", "none", "gn", 0, 16, 2)


def drawn(stream: torch.Generator) -> list[float]:
    return torch.rand(4, generator=stream).tolist()


def convs(module: nn.Module) -> dict[str, Tensor]:
    return {name: m.weight for name, m in module.named_modules() if isinstance(m, nn.Conv2d)}


def test_a_stream_is_told_by_its_seed_and_its_name_alone():
    first = drawn(generator(0, "FPN", "p6", 0))
    torch.manual_seed(5)
    assert drawn(generator(0, "FPN", "p6", 0)) == first
    others = [(1, "FPN", "p6", 0), (0, "FPN", "p6", 1), (0, "FPN", "p7", 0), (0, "Head", "p6", 0), (0, "FPN", "p6")]
    assert first not in [drawn(generator(*other)) for other in others]


def test_the_global_generator_is_as_it_was_before():
    torch.manual_seed(3)
    expected = [torch.rand(2).tolist(), torch.rand(2).tolist()]
    torch.manual_seed(3)
    before = torch.rand(2).tolist()
    with global_stream(0, "Backbone"):
        inside = torch.rand(2).tolist()
    Detector(CONFIG, assigners.build("fcos", 3))
    assert [before, torch.rand(2).tolist()] == expected
    torch.manual_seed(4)
    with global_stream(0, "Backbone"):
        assert torch.rand(2).tolist() == inside  # whatever came before


def test_the_global_generator_is_as_it_was_after_an_error():
    state = torch.random.get_rng_state()
    try:
        with global_stream(0, "Backbone"):
            torch.rand(1)
            raise KeyError
    except KeyError:
        assert torch.equal(torch.random.get_rng_state(), state)


def test_a_part_starts_from_the_same_weights_whatever_the_other_parts_are():
    plain = HeadSpec()
    changes = {
        "branches": replace(plain, branches=(Branch("wide", channels=68, tower="class"), QUALITY)),
        "anchors": replace(plain, scales=(1.0, 1.5), coder="delta"),
        "norm": replace(plain, style=HeadStyle(norm="none")),
    }
    base = convs(Head(plain, 3, 16, 2, 5, seed=1))
    for name, spec in changes.items():
        other = convs(Head(spec, 3, 16, 2, 5, seed=1))
        towers = [list(x.values())[:4] for x in (base, other)]  # by rank: without norms the layers move up
        assert all(torch.equal(a, b) for a, b in zip(*towers, strict=True)), name
    more_classes = convs(Head(plain, 80, 16, 2, 5, seed=1))
    assert [name for name in base if not torch.equal(base[name], more_classes[name])] == ["logits"]


def test_longer_towers_do_not_shift_what_comes_after_them():
    short, long = (convs(Head(HeadSpec(branches=(QUALITY,)), 3, 16, count, 5, seed=1)) for count in (1, 3))
    assert len(long) == len(short) + 4
    for name in ("class_tower.0", "box_tower.0", "logits", "deltas", "quality"):
        assert torch.equal(short[name], long[name]), name


def test_no_two_convolutions_start_from_the_same_numbers():
    weights = list(convs(Detector(CONFIG, assigners.build("fcos", 3))).values())
    scaled = [w.flatten()[:9] / w.flatten()[0] for w in weights]  # FPN and head differ in scale and distribution
    assert len({tuple(w.tolist()) for w in scaled}) == len(weights) > 30


def test_two_methods_of_one_seed_share_backbone_pyramid_and_towers():
    config = replace(CONFIG, mode="controlled")
    retinanet, fcos = (Detector(config, assigners.build(name, 3), seed=2) for name in ("retinanet", "fcos"))
    weights, others = convs(retinanet), convs(fcos)
    shared = [name for name in weights if name in others and torch.equal(weights[name], others[name])]
    assert set(weights) - set(shared) == {"head.logits", "head.deltas"}  # nine anchors a cell, or one
    again = convs(Detector(config, assigners.build("fcos", 3), seed=3))
    assert not [name for name in others if torch.equal(others[name], again[name])]


def test_convolutions_are_told_by_their_child_and_their_rank_in_it():
    class Two(nn.Module):
        def __init__(self, *norms: nn.Module):
            super().__init__()
            self.tower = nn.Sequential(nn.Conv2d(1, 1, 1), *norms, nn.Conv2d(1, 1, 1))
            self.last = nn.Conv2d(1, 1, 1)

    bare, normed = Two(), Two(nn.GroupNorm(1, 1), nn.ReLU())
    streams = [[(conv, drawn(stream)) for conv, stream in convolutions(two, 0)] for two in (bare, normed)]
    assert [conv for conv, _ in streams[0]] == [bare.tower[0], bare.tower[1], bare.last]
    assert [numbers for _, numbers in streams[0]] == [numbers for _, numbers in streams[1]]
    assert len({tuple(numbers) for _, numbers in streams[0]}) == 3
