"""What names a run, and what does not."""

import pytest

from experiments.cli.arguments import parse
from experiments.recipes.load import load
from experiments.recipes.recipe import identity
from experiments.records.files import hash_of
from experiments.records.schema import LATER, NO_EFFECT, effective
from experiments.runtime.errors import UserError


def test_the_evaluator_is_an_override_that_the_hash_does_not_see():
    options, _ = parse(["--evaluator", "pycocotools", "--set", "seed=1"])
    assert options.overrides == ["seed=1", "test.evaluator=pycocotools"]
    a, b = (load("shapes", "fcos", [f"test.evaluator={name}"], 0) for name in ("hotcoco", "pycocotools"))
    assert identity(a) == identity(b)
    assert identity(load("shapes", "fcos", ["test.protocol=voc10"], 0)) != identity(a)
    assert "evaluator" in NO_EFFECT["test"]
    with pytest.raises(UserError, match="Did you mean 'hotcoco'"):
        load("shapes", "fcos", ["test.evaluator=hotcoca"], 0)


def controlled(method: str, *words: str) -> dict:
    return identity(load("shapes", method, ["model.mode=controlled", "model.reference=autoassign", *words], 0))


def test_a_run_is_named_by_the_head_that_comes_out():
    native = {name: identity(load("shapes", name, [], 0)) for name in ("autoassign", "fcos", "atss")}
    assert controlled("autoassign") == native["autoassign"] and native["fcos"]["model"]["mode"] == "native"
    assert controlled("fcos", "model.reference=fcos") == native["fcos"]
    assert controlled("atss", "model.parts=[]") == controlled("atss", "model.parts=[norm]") == native["atss"]
    assert controlled("atss", "model.parts=[bias, norm]") == controlled("atss", "model.parts=[bias]")
    heads = [native["atss"], controlled("atss"), controlled("atss", "model.reference=fcos")]
    heads += [controlled("atss", f"model.parts=[{part}]") for part in ("p6", "bias", "score")]
    assert all(a != b for i, a in enumerate(heads) for b in heads[:i])


def test_what_controlled_mode_would_take_does_not_name_a_native_run():
    words = ["model.reference=fcos", "model.parts=[score]"]
    assert identity(load("shapes", "atss", words, 0)) == identity(load("shapes", "atss", [], 0))


def test_a_field_that_was_added_names_a_run_only_where_it_is_used():
    assert hash_of(identity(load("shapes", "fcos", [], 0))) == "9a999b5c2917"  # before any of them was there
    plain = identity(load("shapes", "fcos", [], 0))
    for name, default in LATER.items():
        beside = NEEDED.get(name, [])
        without = identity(load("shapes", "fcos", beside, 0))
        assert identity(load("shapes", "fcos", [*beside, f"{name}={str(default).lower()}"], 0)) == without
        assert identity(load("shapes", "fcos", [*beside, f"{name}={OTHER.get(name, 0.5)}"], 0)) != without
        assert (without == plain) == (not beside)


VIEWS = ("longs", "flips", "resample", "box_least", "box_most", "box_frame", "merge", "vote_iou")
NEEDED = {f"test.{name}": ["test.scales=[64, 128]"] for name in VIEWS} | {
    "test.plus_one": ["test.score_voting=true"],
    "model.style": ["model.backbone=resnet50"],
}
OTHER = {  # values that are not the default, where 0.5 is none
    "model.style": "caffe",
    "model.dcn": "c4-c5",
    "model.dcn_tower": "true",
    "test.scales": "[64]",
    "test.longs": "[128]",
    "test.flips": "true",
    "test.resample": "normal view",
    "test.box_least": "[8, 16]",
    "test.box_most": "[8, 16]",
    "test.box_frame": "original",
    "test.merge": "selector",
    "test.score_voting": "true",
    "test.plus_one": "true",
}


def test_a_record_that_json_gave_back_is_common_with_one_that_was_not():
    values = {"scales": (), "longs": [], "flips": False, "batch": 16}
    assert effective("test", values) == {"batch": 16} and effective("test", {"scales": (64,)}) == {"scales": (64,)}


def test_a_file_of_weights_names_a_run_by_its_content(tmp_path):
    def of(*path: str, content: bytes = b"") -> dict:
        file = tmp_path.joinpath(*path)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return identity(load("shapes", "fcos", [f"model.weights={file}"], 0))

    assert of("a.pth", content=b"x") == of("folder", "b.pth", content=b"x")
    assert of("a.pth", content=b"x") != of("a.pth", content=b"yy")
    assert "a.pth" not in str(of("a.pth", content=b"x"))


def test_a_file_of_weights_starts_from_the_folder_of_its_recipe_or_from_here(tmp_path, monkeypatch):
    (tmp_path / "own.pth").write_bytes(b"x")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("like: shapes\nmodel: {weights: own.pth}\n")
    assert load(str(recipe), "fcos", [], 0).model.weights == str(tmp_path / "own.pth")
    monkeypatch.chdir(tmp_path)
    assert load("shapes", "fcos", ["model.weights=own.pth"], 0).model.weights == str(tmp_path / "own.pth")
