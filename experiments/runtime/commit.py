"""Which code this is: its version and commit. No torch: a Ray actor needs none."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SENT = "ASSIGNBENCH_COMMIT"  # variable: the commit of code that was sent without its repository
BUILT = Path(__file__).with_name("COMMIT")  # in a wheel: the commit that it was built from


def version_line() -> str:
    """For `--version`."""
    try:
        number = metadata.version("assignbench")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        number = "of a checkout"
    return f"assignbench {number}, commit {code_version()}, {ROOT}"


def code_version() -> str:
    """The commit, of a checkout, of a wheel, or of code that was sent; "unknown" where nothing tells."""
    if os.environ.get(SENT):
        return os.environ[SENT]
    return BUILT.read_text(encoding="utf-8").strip() if BUILT.is_file() else commit_of(ROOT)


def commit_of(root: Path) -> str:
    """The commit checked out at `root`, with "-dirty" where files differ from it or are new; else "unknown"."""
    try:
        top, head = _git(root, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if Path(top).resolve() != root.resolve():  # installed below someone else's checkout
            return "unknown"
        return head + ("-dirty" if _git(root, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError, ValueError):
        return "unknown"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
