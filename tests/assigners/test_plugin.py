"""An assigner in a file of one's own, or of an installed package, works wherever a name does."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import assigners
from assigners.fcos import FCOS
from experiments.recipes.load import load
from experiments.recipes.recipe import identity
from experiments.runtime.errors import UserError
from experiments.training.model import build_detector, head_differences

GOOD = """from dataclasses import dataclass

from assigners.fcos import FCOS


@dataclass(eq=False)
class Wide(FCOS):
    reach: float = 3.0
"""
SMALL = ["model.backbone=resnet18", "model.channels=16", "model.tower_convs=1"]


def own(folder: Path, text: str, name: str = "Wide") -> str:
    path = folder / "own.py"
    path.write_text(text)
    return f"{path}:{name}"


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (GOOD, "Wode", "holds no class 'Wode'. Did you mean 'Wide'? Assigners in it: Wide."),
        (GOOD, "", "holds no class ''. Assigners in it: Wide."),
        ("class Wide: pass", "Wide", "is no assigner: make it a subclass of assigners.assigner.Assigner."),
        (GOOD.replace("@dataclass(eq=False)", ""), "Wide", "needs @dataclass(eq=False)"),
        (GOOD.replace("(eq=False)", ""), "Wide", "needs @dataclass(eq=False)"),
        (GOOD.replace("fcos", "assigner").replace("FCOS", "Assigner"), "Wide", "has no loss"),
        (GOOD.replace(" = 3.0", " = field(default_factory=float)").replace("dataclass\n", "dataclass, field\n", 1),
         "Wide", "without a plain default: reach"),
        (GOOD.replace("fcos", "fcoss"), "Wide", "Line 3: ModuleNotFoundError: No module named 'assigners.fcoss'."),
        (GOOD + "    1 / 0\n", "Wide", "Line 9: ZeroDivisionError: division by zero."),
        (GOOD + "    reach = = 3\n", "Wide", "Line 9: SyntaxError"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line_that_names_it(tmp_path, text, name, sentence):
    with pytest.raises(UserError) as caught:
        load("shapes", own(tmp_path, text, name), [], 0)
    assert sentence in str(caught.value) and "own.py" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.py:Wide", "Cannot read nowhere.py: No such file"),
        ("own.py", "Unknown assigner 'own.py'. Known: "),
        ("fcso", "Did you mean 'fcos'?"),
    ],
)
def test_what_is_wrong_with_a_name_says_how_to_write_one(name, sentence):
    with pytest.raises(assigners.AssignerError) as caught:
        assigners.build(name, 3)
    assert sentence in str(caught.value) and "FILE.py:CLASS" in str(caught.value)


def test_a_file_has_settings_a_head_and_a_detector(tmp_path):
    name = own(tmp_path, GOOD)
    recipe = load("shapes", name, [*SMALL, "assigner.reach=2", "assigner.loss.gamma=1.5"], 0)
    assigner = build_detector(recipe, 3).assigner
    assert (type(assigner).__name__, assigner.reach, assigner.loss.gamma) == ("Wide", 2.0, 1.5)
    assert "offset" not in head_differences(recipe)
    Path(name.rpartition(":")[0]).unlink()
    with pytest.raises(UserError, match="Cannot read"):
        build_detector(recipe, 3)


def test_a_run_is_named_by_the_text_of_the_file(tmp_path):
    def identity_of(text: str) -> dict:
        return identity(load("shapes", own(tmp_path, text), [], 0))

    (tmp_path / "elsewhere").mkdir()
    moved = load("shapes", own(tmp_path / "elsewhere", GOOD), [], 0)
    assert identity_of(GOOD) == identity(moved)
    assert identity_of(GOOD) != identity_of(GOOD + "# another text\n")
    assert identity(load("shapes", "fcos", [], 0))["assigner"] == "fcos"


def test_an_installed_package_adds_names(monkeypatch):
    values = {"wide": "assigners.fcos:FCOS", "atss": "nowhere:Nothing", "gone": "nowhere:Nothing"}
    points = [EntryPoint(name, value, assigners.GROUP) for name, value in values.items()]
    monkeypatch.setattr(assigners, "entry_points", lambda group: points if group == assigners.GROUP else [])
    assert assigners.available() == [*assigners.METHODS, "wide", "gone"]
    assert assigners.get("wide") is FCOS and assigners.get("atss").__name__ == "ATSS"
    with pytest.raises(assigners.AssignerError, match="nowhere does not load: ModuleNotFoundError"):
        assigners.get("gone")
