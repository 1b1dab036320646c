"""What a backbone starts from: sets by name and training recipe, and tensors that fit or are refused."""

import pytest
import torch

from detector.backbone import BACKBONES, NEW, OLD, Backbone, weights_words
from detector.weights import SETS, WeightsError, fill, weights_url
from tests.samples import imagenet_file

SIGNS = {OLD: "references/classification#", NEW: ("issues/3995", "pull/5935")}  # in the address of torchvision's recipe


@pytest.mark.parametrize("name", BACKBONES)
def test_sets_and_their_training_recipes_are_those_that_torchvision_states(name):
    from torchvision.models import get_model_weights

    sets = get_model_weights(name)
    published = BACKBONES[name].published
    assert [SETS[word] for word in published] == [member.name for member in sets]
    for word, recipe in published.items():
        address = sets[SETS[word]].meta["recipe"]
        assert any(sign in address for sign in ([SIGNS[OLD]] if recipe == OLD else SIGNS[NEW])), (word, address)
        assert weights_url(name, word) == sets[SETS[word]].url


def test_the_first_set_is_not_one_recipe():
    """Facts of torchvision: of ResNeXt-101 64x4d there is no old one."""
    assert weights_words("resnet50", "imagenet") == "torchvision IMAGENET1K_V1, the old training recipe"
    assert weights_words("resnext101_64x4d", "imagenet") == "torchvision IMAGENET1K_V1, the new long training recipe"
    assert weights_words("resnet101", "none") == "none"


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    net = BACKBONES["resnet18"].build("frozen_bn", 0.25)
    return {name: torch.rand(x.shape) for name, x in net.state_dict().items()}


def test_a_file_fills_all_but_the_classifier():
    given = state()
    backbone = Backbone("resnet18", "some.pth", "frozen_bn", 0, width=0.25, state=given)
    own = list(backbone.state_dict().values())
    kept = [x for name, x in given.items() if not name.startswith("fc.")]
    assert all(torch.equal(a, b) for a, b in zip(own, kept, strict=True))
    without = {name: x for name, x in given.items() if not name.startswith("fc.")}
    counted = without | {"bn1.num_batches_tracked": torch.tensor(5), "fc.weight": torch.zeros(3)}
    for other in (without, counted):
        again = Backbone("resnet18", "some.pth", "frozen_bn", 0, width=0.25, state=other).state_dict().values()
        assert all(torch.equal(a, b) for a, b in zip(own, again, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("layer1.0.conv1.weight"), "lacks layer1.0.conv1.weight"),
        (lambda s: s.clear(), "lacks conv1.weight, bn1.weight, bn1.bias and "),
        (lambda s: s.update({"layer9.weight": torch.zeros(1)}), "holds layer9.weight, which"),
        (lambda s: s.update({"conv1.weight": torch.zeros(64, 3, 7, 7)}), "its conv1.weight is 64 x 3 x 7 x 7, that of"),
    ],
)
def test_what_does_not_fit_is_named(change, words):
    given = state()
    change(given)
    with pytest.raises(WeightsError, match=words):
        Backbone("resnet18", "some.pth", "frozen_bn", 0, width=0.25, state=given)


def test_a_path_without_tensors_is_no_start_from_drawn_numbers():
    with pytest.raises(WeightsError, match="lacks"):
        Backbone("resnet18", "some.pth", "gn", 0, width=0.25)


def test_a_deformable_backbone_takes_the_weights_of_a_plain_one():
    given = state()
    filled = Backbone("resnet18", "some.pth", "frozen_bn", 0, width=0.25, dcn="c3-c5", state=given)
    assert torch.equal(filled.stages[2][0].conv2.weight, given["layer2.0.conv2.weight"])
    assert not filled.stages[2][0].conv2.offset_weight.any()


def test_published_weights_are_torchvisions_own(monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(imagenet_file("mobilenet_v2-b0353104.pth").parents[2]))
    from torchvision.models import get_model

    theirs = get_model("mobilenet_v2", weights="IMAGENET1K_V1").state_dict()
    net = BACKBONES["mobilenet_v2"].build("frozen_bn", 1.0)
    fill(net, theirs)
    own = Backbone("mobilenet_v2", "imagenet", "frozen_bn", 0)
    loaded = [x for stage in own.stages for x in stage.state_dict().values()]
    expected = [x for stage in BACKBONES["mobilenet_v2"].stages(net) for x in stage.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(loaded, expected, strict=True))
    first = next(x for name, x in theirs.items() if name.endswith("weight"))
    assert torch.equal(loaded[0], first)
