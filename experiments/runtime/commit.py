"""Which commit this code is. No torch: a Ray actor needs none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SENT = "ASSIGNBENCH_COMMIT"  # variable: the commit of code that was sent without its repository


def here() -> str:
    return os.environ.get(SENT) or commit(ROOT)


def commit(root: Path) -> str:
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
