"""A file of weights: in any of its forms it fills the backbone; what is none or does not fit is a sentence."""

import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from detector.backbone import BACKBONES
from detector.weights import WeightsError
from experiments.recipes.load import load
from experiments.records.run_folder import runs_in
from experiments.training.model import build_detector, weights_record
from experiments.training.weights_file import read_weights
from tests.pickles import archive, code
from tests.samples import imagenet_file
from tests.tiny_runs import words

SMALL = ["model.backbone=resnet18", "model.width=0.125", "model.channels=16", "model.tower_convs=1"]


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return OrderedDict(BACKBONES["resnet18"].build("gn", 0.125).state_dict())


FORMS = {
    "plain": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 90, "arch": "resnet18"},
    "model": lambda s: {"model": s, "optimizer": {}},
    "parallel": lambda s: {f"module.{name}": x for name, x in s.items()},
    "detector": lambda s: {f"backbone.{name}": x for name, x in s.items()} | {"neck.weight": torch.zeros(1)},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("new", [True, False], ids=["zip", "old"])
def test_every_form_fills_the_backbone(tmp_path, form, new):
    path = tmp_path / "own.pth"
    torch.save(FORMS[form](state()), path, _use_new_zipfile_serialization=new)
    recipe = load("shapes", "fcos", [*SMALL, f"model.weights={path}"], 0)
    kept = [x for name, x in state().items() if not name.startswith("fc.")]
    filled = build_detector(recipe, 3).backbone.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(filled, kept, strict=True))
    assert weights_record(recipe).startswith("file own.pth, sha256 ") and len(weights_record(recipe).split()[-1]) == 12


def broken(path: Path, kind: str, witness: Path) -> None:
    given = state()
    if kind == "code":
        archive(path, code(witness), "archive/data.pkl")
    elif kind == "bare code":
        path.write_bytes(code(witness))
    elif kind == "memory":
        archive(path, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R.")
    elif kind == "compressed":
        archive(path, bytes(10**7), kind=zipfile.ZIP_DEFLATED)
    elif kind == "cut":
        torch.save(given, path)
        path.write_bytes(path.read_bytes()[:-5000])
    elif kind == "cut, old":
        torch.save(given, path, _use_new_zipfile_serialization=False)
        path.write_bytes(path.read_bytes()[:-5000])
    else:
        contents = {
            "list": [1, 2],
            "numbers": {"a": 1},
            "other width": given | {"conv1.weight": torch.zeros(16, 6, 14, 14)},
            "lacking": {k: x for k, x in given.items() if k != "layer2.0.conv1.weight"},
            "extra": given | {"layer3.5.conv1.weight": torch.zeros(1)},
            "not finite": given | {"conv1.weight": given["conv1.weight"] * float("nan")},
        }
        torch.save(contents[kind], path)


SENTENCES = {
    "code": "more than tensors", "bare code": "more than tensors", "memory": "more than tensors",
    "compressed": "it is damaged",
    "cut": "does not load", "cut, old": "does not load", "list": "no tensors by name", "numbers": "no tensors by name",
    "other width": "its conv1.weight is 16 x 6 x 14 x 14, that of this backbone is 8 x 3 x 7 x 7",
    "lacking": "it lacks layer2.0.conv1.weight", "extra": "it holds layer3.5.conv1.weight, which this backbone has not",
    "not finite": "its conv1.weight is not finite",
}  # fmt: skip


@pytest.mark.parametrize("kind", SENTENCES)
def test_what_is_no_file_of_weights_is_one_sentence(command, tmp_path, kind):
    path = tmp_path / "own.pth"
    broken(path, kind, tmp_path / "witness")
    assert path.stat().st_size < 10**7
    status, out, err = command(*words(tmp_path / "runs", overrides=(*SMALL, f"model.weights={path}")))
    sentence = err.splitlines()[-1]
    assert status == 2 and out == "" and "Traceback" not in err, err
    assert sentence.startswith(f"error: model.weights is {path}: ") and SENTENCES[kind] in sentence, err
    assert not (tmp_path / "witness").exists()


def test_a_real_file_of_torchvisions_old_format_is_read():
    path = imagenet_file("mobilenet_v2-b0353104.pth")
    tensors = read_weights(path)
    own = BACKBONES["mobilenet_v2"].build("frozen_bn", 1.0).state_dict()
    assert own.keys() <= tensors.keys() and all(tensors[name].shape == x.shape for name, x in own.items())


def test_a_file_that_is_gone_is_a_sentence(tmp_path):
    with pytest.raises(WeightsError, match="does not load, FileNotFoundError"):
        read_weights(tmp_path / "absent.pth")


def test_a_run_records_what_it_started_from(command, tmp_path):
    path = tmp_path / "own.pth"
    torch.save(state(), path)
    recorded = []
    for name, weights in (("none", "none"), ("file", str(path))):
        status, _, err = command(*words(tmp_path / name, overrides=(*SMALL, f"model.weights={weights}")))
        assert status == 0, err
        (folder,) = runs_in(tmp_path / name)
        recorded.append(folder.read_run())
    assert [record.weights.partition(",")[0] for record in recorded] == ["none", "file own.pth"]
    assert recorded[1].common["model"]["weights"] == recorded[1].weights
    assert recorded[0].shared["backbone weights"] != recorded[1].shared["backbone weights"]
