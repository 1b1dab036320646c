"""A JSON file that is read in blocks."""

import json

import pytest

from experiments.data.parsing import json_stream
from experiments.runtime.errors import UserError
from tests.samples import instances


@pytest.mark.parametrize("block", [1, 2, 3, 7, 50, 400, 4096])
def test_a_file_is_the_same_in_blocks_of_any_size(read_text, monkeypatch, block):
    """With brackets and quotes in names, nested lists, annotations first, and records longer than a block."""
    data = instances()
    data["categories"][0]["name"] = 'a "[}{\\" \\\\'
    many = [data["annotations"][0] | {"id": i, "x": [{"y": [i]}], "segmentation": {"counts": "]}"}} for i in range(9)]
    text = json.dumps({"info": {"images": []}, "annotations": many} | {k: data[k] for k in ("categories", "images")})
    monkeypatch.setattr(json_stream, "BLOCK", block)
    index = read_text(text)
    assert index.classes == ('a "[}{\\" \\\\',) and len(index.boxes) == 9
    with pytest.raises(UserError, match="truncated or invalid JSON"):
        read_text(text.replace('"id": 3', '"id": 3 4'))
