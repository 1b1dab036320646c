"""Which code this is: the commit of a checkout, of a wheel, or of code that was sent."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from experiments.runtime.commit import SENT, code_version, commit_of


def head(checkout: Path) -> str:
    line = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_that_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    assert commit_of(tmp_path) == head(tmp_path) and len(commit_of(tmp_path)) == 40
    (tmp_path / "new.py").touch()
    assert commit_of(tmp_path) == f"{head(tmp_path)}-dirty"
    (tmp_path / "inside").mkdir()
    assert commit_of(tmp_path / "inside") == "unknown"  # a checkout around it is not its own


def test_code_that_was_sent_has_the_commit_of_its_sender(monkeypatch):
    monkeypatch.setenv(SENT, "of the sender")
    assert code_version() == "of the sender"


@pytest.fixture
def wheel(checkout, tmp_path):
    """Builds a wheel of a checkout and unpacks it; the folder that it is in then."""

    pytest.importorskip("setuptools", minversion="70.1")  # it makes wheels by itself since then

    def build() -> Path:
        line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        done = subprocess.run([*line, "-w", tmp_path / "wheels", checkout], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (path,) = (tmp_path / "wheels").glob("*.whl")
        with ZipFile(path) as file:
            file.extractall(tmp_path / "site")
        path.unlink()
        return tmp_path / "site"

    return build


def version_of(site: Path, cwd: Path) -> str:
    code = "from experiments.runtime.commit import code_version; print(code_version())"
    env = {name: value for name, value in os.environ.items() if name != SENT} | {"PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit_in(site: Path) -> str:
    return (site / "experiments" / "runtime" / "COMMIT").read_text()


def test_a_wheel_knows_the_commit_that_it_was_built_from(checkout, wheel, tmp_path):
    site = wheel()
    assert commit_in(site) == f"{head(checkout)}\n"
    assert version_of(site, tmp_path) == head(checkout)
    assert commit_of(checkout) == head(checkout)  # what the build leaves there is no change of the code
    assert commit_in(wheel()) == f"{head(checkout)}\n"


def test_a_wheel_of_changed_code_says_so(checkout, wheel, tmp_path):
    (checkout / "experiments" / "new.py").touch()
    assert version_of(wheel(), tmp_path) == f"{head(checkout)}-dirty"


def test_a_checkout_has_no_commit_of_a_build(checkout, tmp_path):
    assert not (checkout / "experiments" / "runtime" / "COMMIT").exists()
    assert version_of(checkout, tmp_path) == head(checkout)
