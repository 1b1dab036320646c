"""The rules of the layout, read from the source: who imports whom, how long things are, what is never called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {  # package -> modules of ours that it may import
    "assigners": ("assigners",),
    "detector": ("assigners", "detector"),
    "experiments": ("assigners", "detector", "experiments"),
    "analysis": ("analysis", "experiments.records"),
}
HEAVY = {"torch", "torchvision", "ray"}  # not for analysis: a report needs no training code
PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
LINES, FUNCTION_LINES = 250, 45

FILES = {package: sorted((ROOT / package).rglob("*.py")) for package in ALLOWED}
SOURCES = [path for paths in FILES.values() for path in paths]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names, also inside functions; `from a import b` is a.b. package: where a relative import starts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def of(path: Path) -> list[str]:
    return list(imports(parsed(path), ".".join(path.relative_to(ROOT).parent.parts)))


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def foreign(names: list[str], package: str) -> list[str]:
    """The imports of ours that `package` may not have."""
    ours = [name for name in names if name.split(".")[0] in (*ALLOWED, "tests")]
    return [name for name in ours if not any(within(name, module) for module in ALLOWED[package])]


def unsafe_loads(tree: ast.AST) -> list[int]:
    """Lines with a torch.load that does not say weights_only=True, or anything that says allow_pickle=True."""
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        said = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
        is_load = ast.unparse(call.func) == "torch.load"
        if (is_load and said.get("weights_only") is not True) or said.get("allow_pickle") is True:
            found.append(call.lineno)
    return found


def long_functions(tree: ast.AST) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [f.name for f in functions if f.end_lineno - f.lineno + 1 > FUNCTION_LINES]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    assert FILES[package]
    assert {path.name: wrong for path in FILES[package] if (wrong := foreign(of(path), package))} == {}


def test_analysis_and_records_name_no_training_library():
    for path in FILES["analysis"]:
        assert not HEAVY & {name.split(".")[0] for name in of(path)}, path
    outside = {
        name.split(".")[0] for name in of(ROOT / "experiments" / "records" / "run_folder.py")
    } - sys.stdlib_module_names
    assert outside == set()


def test_analysis_loads_no_training_library():
    code = f"import sys, analysis.report; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["experiments", "analysis"])
def test_no_script_neighbour_hides_the_standard_library(package):
    """`python experiments/run.py` puts that folder first on the path."""
    names = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names & sys.stdlib_module_names == set()


def test_files_and_functions_fit():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n > LINES} == {}
    assert {str(path.relative_to(ROOT)): long for path in SOURCES if (long := long_functions(parsed(path)))} == {}


def test_nothing_unpickles():
    for path in (*SOURCES, *TESTS):
        assert not PICKLES & {name.split(".")[0] for name in of(path)}, path
        assert unsafe_loads(parsed(path)) == [], path


def test_the_rules_see_what_they_forbid():
    tree = ast.parse("def f():\n  from experiments import run\nimport torch.nn\nfrom . import a\nfrom .b import c")
    names = list(imports(tree, "analysis"))
    assert sorted(names) == ["analysis.a", "analysis.b.c", "experiments.run", "torch.nn"]
    assert foreign(names, "analysis") == ["experiments.run"]
    assert foreign(["experiments.records.RunFolder"], "analysis") == []
    assert unsafe_loads(
        ast.parse("torch.load(p)\ntorch.load(p, weights_only=True)\ntorch.load(p, weights_only=x)")
    ) == [1, 3]
    assert long_functions(ast.parse("def f():\n" + "  pass\n" * 44)) == []
    assert long_functions(ast.parse("def f():\n" + "  pass\n" * 45)) == ["f"]
