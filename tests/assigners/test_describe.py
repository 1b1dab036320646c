"""What a method's file says of itself, read without importing anything heavy."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import assigners
from assigners import describe
from assigners.describe import Description

ROOT = Path(__file__).parents[2]
HEADER = '"""Wide: reaches further.\n\nPaper: Somebody and Other 2031, arXiv 3101.00001.\nMore.\n"""\nreach = 3\n'


def test_every_method_has_a_line_a_year_and_a_source():
    assert [d.name for d in describe.descriptions()] == assigners.available()
    described = {name: describe.describe(name) for name in assigners.METHODS}
    for d in described.values():
        assert len(d.line) > 20 and not d.line.endswith(".") and int(d.year) > 2010 and d.year in d.source
    fcos = described["fcos"]
    assert fcos.year == "2019" and fcos.source.startswith("Tian et al. 2019, arXiv 1904.01355")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEADER.encode(), ("2031", "reaches further", "Somebody and Other 2031, arXiv 3101.00001")),
        (b'"""Wide: reaches further."""\n', ("", "reaches further", "")),
        (b'"""No name and no paper."""\n', ("", "", "")),
        (b"reach = 3\n", ("", "", "")),
        (b"", ("", "", "")),
        (b'"""Wide: broken."""\ndef (\n', ("", "", "")),
        (b'"""Wide: \xff"""\n', ("", "", "")),
        (b'"""Wide: \x00"""\n', ("", "", "")),
        (None, ("", "", "")),
    ],
    ids=["all", "no paper", "no name", "no docstring", "empty", "syntax", "not UTF-8", "a NUL", "no file"],
)
def test_what_a_file_does_not_say_is_empty(tmp_path, monkeypatch, text, expected):
    monkeypatch.setattr(describe, "__file__", str(tmp_path / "describe.py"))  # methods lie beside it
    if text is not None:
        (tmp_path / "fcos.py").write_bytes(text)
    assert describe.describe("fcos") == Description("fcos", *expected)


class Located:
    """As importlib.metadata.PackagePath: a file of a package's list."""

    def __init__(self, root: Path, path: str):
        self.root, self.path = root, path

    def __str__(self) -> str:
        return self.path

    def locate(self) -> Path:
        return self.root / self.path


def installed(root: Path, name: str, files: list[str] | None) -> SimpleNamespace:
    """The entry point of a package with this list of files, below root."""
    listed = None if files is None else [Located(root, path) for path in files]
    return SimpleNamespace(
        name=name, value="wide.method:Wide", module="wide.method", dist=SimpleNamespace(files=listed)
    )


def test_an_installed_method_is_described_by_the_file_of_its_package(tmp_path, monkeypatch):
    (tmp_path / "wide").mkdir()
    (tmp_path / "wide" / "method.py").write_text(HEADER)
    lists = {"wide": ["wide/__init__.py", "wide/method.py"], "without a list": None, "elsewhere": ["a.py"], "gone": []}
    points = [installed(tmp_path, name, files) for name, files in lists.items()]
    for module in (assigners, describe):
        monkeypatch.setattr(module, "entry_points", lambda group: points)
    assert describe.descriptions()[len(assigners.METHODS) :] == [
        Description("wide", "2031", "reaches further", "Somebody and Other 2031, arXiv 3101.00001"),
        *(Description(name, "", "", "") for name in ("without a list", "elsewhere", "gone")),
    ]


def test_describing_all_methods_loads_no_torch():
    code = (
        "import sys; from assigners.describe import descriptions; "
        "assert len(descriptions()) >= 5 and all(d.line for d in descriptions()[:5]); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
