"""Numbers, keys and encodings of YAML, as people write them."""

import math

import pytest

from experiments.grid.matrices import PROFILES, load_profile
from experiments.recipes import yaml_text
from experiments.recipes.load import load
from experiments.runtime.errors import UserError

NUMBERS = {
    "1e-3": 1e-3,
    "1E3": 1e3,
    "+1e-3": 1e-3,
    "-.5e-1": -0.05,
    "1.e2": 100.0,
    "2.5": 2.5,
    ".5": 0.5,
    "-3": -3,
    "1_000": 1000,
    "010": 10,
    "0800": 800,
    "0x10": 16,
    "0": 0,
    ".inf": math.inf,
    "-.inf": -math.inf,
    "1:30": "1:30",
    "2007-01-01": "2007-01-01",
    "1e": "1e",
    "e5": "e5",
    "1e-3px": "1e-3px",
    "'1e-3'": "1e-3",
    "yes": True,
    "~": None,
    "": None,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_a_number_on_the_command_line_and_in_a_file(text, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"x: {text}\n")
    for value in (yaml_text.scalar(text), yaml_text.read_yaml(path)["x"]):
        assert (value, type(value)) == (NUMBERS[text], type(NUMBERS[text]))


def test_an_exponent_is_a_number_in_a_recipe_and_a_profile(tmp_path, monkeypatch):
    path = tmp_path / "own.yaml"
    path.write_text("like: shapes\noptimizer: {lr: 1e-3}\n")
    assert load(str(path), "fcos", [], 0).optimizer.lr == 1e-3
    assert load("shapes", "fcos", ["optimizer.lr=1e-4"], 0).optimizer.lr == 1e-4
    assert load_profile("cpu").name == "cpu" and PROFILES.is_dir()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("data: {}\nmodel: {}\ndata: {}\n", "line 3: the key 'data' stands twice, in line 1 and here"),
        ("data: {short: 1, short: 2}\n", "line 1: the key 'short' stands twice"),
        ('data: {}\n"data": {}\n', "the key 'data' stands twice"),
        ("a:\n- {b: 1, b: 1}\n", "the key 'b' stands twice"),
        ("a: [1\nb: 2\n", "line 2: expected ',' or ']', but got ':'"),
        ("a: 1\n---\nb: 2\n", "line 2: expected a single document in the stream, but found another document"),
        ("a: \x07\n", "special characters are not allowed"),
    ],
)
def test_what_is_no_recipe_is_one_line_that_names_file_and_line(tmp_path, text, sentence):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        yaml_text.read_yaml(path)
    assert sentence in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_matrix_of_a_table_is_read_by_the_same_rules(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.grid.matrices.PROFILES", tmp_path)
    (tmp_path / "own.yaml").write_text("datasets: {coco: shapes}\ndatasets: {coco: voc}\n")
    with pytest.raises(UserError, match="the key 'datasets' stands twice"):
        load_profile("own")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_recipe_in_any_encoding_of_windows_is_read(tmp_path, encoding):
    path = tmp_path / "own.yaml"
    path.write_bytes("like: voc\r\ndata: {classes: [Löwe]}\r\n".encode(encoding))
    assert load(str(path), "fcos", [], 0).data.classes == ("Löwe",)


@pytest.mark.parametrize("data", [b"a: \xe4\n", b"\xff\xfea", b"\x00\x01"])
def test_bytes_that_are_no_text_are_refused_in_one_line(tmp_path, data):
    path = tmp_path / "own.yaml"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        load(str(path), "fcos", [], 0)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
