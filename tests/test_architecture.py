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
BY_NAME = ("import_module", "__import__", "run_module", "run_path")  # calls that import what their argument names
LINES, FUNCTION_LINES = 220, 40

FILES = {package: sorted((ROOT / package).rglob("*.py")) for package in ALLOWED}
SOURCES = [path for paths in FILES.values() for path in paths]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names, anywhere in the file: inside functions and under TYPE_CHECKING, too; `from a import b` is a.b.

    package: where a relative import starts.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = package.split(".")
            base = names[: len(names) - node.level + 1] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in BY_NAME:
            yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def imports_of(path: Path, root: Path = ROOT) -> list[str]:
    return list(imports(parsed(path), ".".join(path.relative_to(root).parent.parts)))


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def foreign(names: list[str], package: str) -> list[str]:
    """The imports of ours that `package` may not have."""
    ours = [name for name in names if name.split(".")[0] in (*ALLOWED, "tests")]
    return [name for name in ours if not any(within(name, module) for module in ALLOWED[package])]


def arrows(files: list[Path], root: Path) -> dict[Path, set[Path]]:
    """File -> files of ours that it imports; `from package import name` is its file name.py, else the package's."""
    targets: dict[Path, set[Path]] = {}
    for path in files:
        targets[path] = set()
        for name in imports_of(path, root):
            for module in (name, name.rpartition(".")[0]):
                stem = root.joinpath(*module.split("."))
                hits = [p for p in (stem.with_suffix(".py"), stem / "__init__.py") if module and p.is_file()]
                targets[path].update(p for p in hits if p != path)
                if hits:
                    break
    return targets


def circle(targets: dict[Path, set[Path]]) -> list[Path]:
    """One circle of any length, or nothing."""
    done: set[Path] = set()

    def walk(path: Path, trail: list[Path]) -> list[Path]:
        if path in trail:
            return trail[trail.index(path) :]
        if path in done:
            return []
        for target in sorted(targets.get(path, ())):
            if found := walk(target, [*trail, path]):
                return found
        done.add(path)
        return []

    return next((c for path in targets if (c := walk(path, []))), [])


def unsafe_loads(tree: ast.AST) -> list[int]:
    """Lines with a torch.load that does not say weights_only=True, or anything that says allow_pickle=True."""
    lines = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        words = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
        is_load = ast.unparse(call.func) == "torch.load"
        if (is_load and words.get("weights_only") is not True) or words.get("allow_pickle") is True:
            lines.append(call.lineno)
    return lines


def long_functions(tree: ast.AST) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [f.name for f in functions if f.end_lineno - f.lineno + 1 > FUNCTION_LINES]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_is_below_it(package):
    assert FILES[package]
    assert {path.name: wrong for path in FILES[package] if (wrong := foreign(imports_of(path), package))} == {}


def test_no_circle_of_imports():
    assert [str(path.relative_to(ROOT)) for path in circle(arrows(SOURCES, ROOT))] == []


def test_analysis_and_records_name_no_training_library():
    for path in (*FILES["analysis"], *(ROOT / "experiments" / "records").glob("*.py")):
        assert not HEAVY & {name.split(".")[0] for name in imports_of(path)}, path


def test_analysis_loads_no_training_library():
    code = f"import sys, analysis.report; print(sorted({HEAVY} & set(sys.modules)))"
    call = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert call.stdout.strip() == "[]"


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
        assert not PICKLES & {name.split(".")[0] for name in imports_of(path)}, path
        assert unsafe_loads(parsed(path)) == [], path


def test_the_tree_of_the_readme_has_a_line_for_every_file_and_no_other():
    """Lines as `    name.py   what it does`, below `    folder/`, indented by four spaces a level."""
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Tree\n")[1].split("\n## ")[0]
    listed, stack = set(), []
    for line in tree.splitlines():
        if not line.startswith("    ") or not line.strip():
            continue
        level, name = (len(line) - len(line.lstrip())) // 4 - 1, line.split()[0]
        stack = [*stack[:level], name.rstrip("/")]
        if name.endswith(".py"):
            listed.add("/".join(stack))
            assert len(line.split()) > 1, line
    real = {path.relative_to(ROOT).as_posix() for path in SOURCES if path.name != "__init__.py"}
    assert listed == real


def test_the_rules_see_what_they_forbid(tmp_path):
    source = (
        "def f():\n  from experiments import run\nimport torch.nn\nfrom . import a\nfrom .b import c\n"
        "if TYPE_CHECKING:\n  import ray\nrunpy.run_module('experiments.d')\nimportlib.import_module('x.y')"
    )
    names = list(imports(ast.parse(source), "analysis"))
    expected = ["analysis.a", "analysis.b.c", "experiments.d", "experiments.run", "ray", "torch.nn", "x.y"]
    assert sorted(names) == expected
    assert foreign(names, "analysis") == ["experiments.run", "experiments.d"]
    assert foreign(["experiments.records.run_folder.RunFolder"], "analysis") == []
    assert unsafe_loads(
        ast.parse("torch.load(p)\ntorch.load(p, weights_only=True)\ntorch.load(p, weights_only=x)")
    ) == [1, 3]
    assert long_functions(ast.parse("def f():\n" + "  pass\n" * 39)) == []
    assert long_functions(ast.parse("def f():\n" + "  pass\n" * 40)) == ["f"]
    for name, text in (("a", "def f():\n  from p.b import x"), ("b", "from p import c"), ("c", "from .a import y")):
        path = tmp_path / "p" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    three = sorted((tmp_path / "p").glob("*.py"))
    assert circle(arrows(three, tmp_path)) == three
    assert circle(arrows(three[:2], tmp_path)) == []
