"""Text files in the encodings of editors and shells."""

import codecs

import pytest

from experiments.data.parsing.text_lists import read_lines
from experiments.runtime.errors import UserError


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_read_without_their_mark(tmp_path, mark, end):
    coding = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(mark, "utf-8")
    (tmp_path / "a.txt").write_bytes(mark + f"é b{end}\x0bc\x85{end}".encode(coding))
    assert read_lines(tmp_path / "a.txt") == ["é b", "\x0bc\x85", ""]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xe9", "UTF-8 or UTF-16"),
        (codecs.BOM_UTF16_LE + b"a", "UTF-8 or UTF-16"),
        ("ab".encode("utf-16-le"), "bytes of value 0"),
        (None, "Is a directory"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, data, sentence):
    (tmp_path / "a.txt").mkdir() if data is None else (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UserError, match=sentence) as error:
        read_lines(tmp_path / "a.txt")
    assert "a.txt" in str(error.value)
