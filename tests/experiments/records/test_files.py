"""Files of JSON: one hash for one content, no NaN, and what reading them takes along."""

import json
import math
import subprocess
import sys

import pytest

from experiments.records.files import RecordError, hash_of, read_json, write_json
from experiments.runtime.commit import ROOT


def test_hash_depends_on_content_only():
    assert hash_of({"a": 1, "b": {"c": (1, 2), "d": None}}) == hash_of({"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})
    assert hash_of({"a": 1}) == "015abd7f5cc5"  # the names of run folders must not change between versions
    with pytest.raises(ValueError):
        hash_of(math.nan)


def test_what_is_not_finite_becomes_null_however_deep_it_is(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"AP": math.nan, "per_class": {"a": math.inf, "b": [0.5, -math.inf]}, "pair": (math.nan, 1)})
    assert read_json(path) == {"AP": None, "per_class": {"a": None, "b": [0.5, None]}, "pair": [None, 1]}
    assert b"NaN" not in path.read_bytes() and b"Infinity" not in path.read_bytes()


@pytest.mark.parametrize("value", [[1], 3, "text", None])
def test_a_file_without_keys_and_values_is_named_with_what_it_holds(tmp_path, value):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    with pytest.raises(RecordError, match=rf"a\.json: it holds a {type(value).__name__} where keys and values belong"):
        read_json(path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        *((name, "torch numpy pandas yaml") for name in ("files", "schema", "table_schema", "run_folder")),
        ("arrays", "torch pandas yaml"),
    ],
)
def test_records_need_the_standard_library_and_msgspec_only(module, heavy):
    """And numpy where arrays are read."""
    code = f"import sys, experiments.records.{module}; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
