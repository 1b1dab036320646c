"""Kills runs of all assigners at random moments, resumes them, and compares their ends with undisturbed runs.

python -m tests.soak.kills --kills 200 --seed 0
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import torch

from assigners import METHODS
from experiments.records.run_folder import RunFolder, runs_in
from tests.soak.runs import SECONDS, Plan, ended
from tests.tiny_runs import differences

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: orphans become ours, and can be waited for
KINDS = {1: ("run", "loader"), 2: ("launcher", "process", "loader")}
MOMENTS = ("any", "any", "writing", "evaluating")  # a random one, or as soon as the folder shows it
ORPHAN = re.compile(
    r"Traceback[^\n]*\n[^\n]*resource_sharer.py(.*\n)*?(?! )", re.M
)  # a worker misses its killed parent


@dataclass
class Tally:
    kills: Counter = field(default_factory=Counter)  # by kind and phase
    resumes: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Truth:
    """An undisturbed run, and the seconds that the newest forked one took."""

    folder: RunFolder
    seconds: float
    total: int  # steps


def below(root: int) -> list[int]:
    """The children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{root}/task/{root}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def targets(root: int, kind: str, processes: int) -> list[int]:
    """The living processes of a kind."""
    trials = [root] if processes == 1 else below(root)
    return {"run": [root], "launcher": [root], "process": trials}.get(kind) or [w for t in trials for w in below(t)]


def phase(runs: Path, begun: float, total: int) -> str:
    """What a run is at, as far as its files tell; `begun`: wall clock at the start of the session."""
    folder = next((RunFolder(p) for p in runs.glob("*")), None)
    if folder is None or not folder.run.exists() or folder.run.stat().st_mtime < begun:
        return "starting"
    if any(folder.path.glob("*.partial")):
        return "writing"
    if folder.done.exists():
        return "leaving"
    if folder.detections.exists():
        return "scoring"
    rows = folder.metrics.read_bytes().count(b"\n") if folder.metrics.exists() else 0
    return "evaluating" if rows >= total else "training"


def strike(root: int, plan: Plan, runs: Path, truth: Truth, begun: float, rng: random.Random) -> tuple[str, str] | None:
    """Kills one process of a session at a random moment: its kind and the phase; None where the session has ended."""
    kind, moment = rng.choice(KINDS[plan.processes]), rng.choice(MOMENTS)
    due = time.monotonic() + rng.uniform(0, truth.seconds if moment == "any" else 0.05)
    while True:
        if os.waitid(os.P_PID, root, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return None
        now = phase(runs, begun, truth.total)
        if time.monotonic() >= due and moment in ("any", now):
            alive = targets(root, kind, plan.processes)
            if alive:
                os.kill(rng.choice(alive), signal.SIGKILL)
                return kind, now
        time.sleep(0.001)


def everyone(root: int) -> list[int]:
    return [root, *(p for child in below(root) for p in everyone(child))]


def session(plan: Plan, runs: Path, truth: Truth, rng: random.Random, tally: Tally) -> bool:
    """One start of a run and, maybe, its kill; whether the run is finished. Appends to the tally what went wrong."""
    log, begun = runs.with_suffix(".log"), time.time()
    for path in (log, log.with_suffix(".launcher")):
        path.unlink(missing_ok=True)
    root = plan.start(runs, rng.choice((1, 2)), log)
    hit = strike(root, plan, runs, truth, begun, rng)
    code = ended(root, SECONDS)
    orphans = SECONDS
    while orphans > 0 and (left := below(os.getpid())):
        for child in left:
            if ended(child, 0) is None:
                time.sleep(0.01)
                orphans -= 0.01
    if code is None or orphans <= 0:
        tally.wrong.append(f"{plan} hangs after {hit}: {everyone(os.getpid())}")
        for child in everyone(os.getpid())[1:]:
            os.kill(child, signal.SIGKILL)
    output = log.read_text() if log.exists() else ""
    if re.search("Traceback|Exception ignored", ORPHAN.sub("", output)) or (hit is None and code):
        tally.wrong.append(f"{plan}, {hit}, code {code}: {output}")
    if hit:
        tally.kills[hit] += 1
    else:  # how busy the machine is changes
        truth.seconds = time.time() - begun
    return code == 0


def torture(plan: Plan, truth: Truth, folder: Path, rng: random.Random, tally: Tally, most: int) -> None:
    """One run, killed and resumed until it is finished, then compared."""
    runs, first = folder / f"{plan.assigner}-{plan.processes}-{tally.runs}", True
    tally.runs += 1
    before = sum(tally.kills.values())
    while True:
        tally.resumes += not first
        first = False
        spared = sum(tally.kills.values()) - before >= most
        if session(plan, runs, truth, random.Random(1) if spared else rng, tally) and (f := runs_in(runs)[0]).is_done():
            tally.wrong += differences(f, truth.folder)
            shutil.rmtree(runs)
            return


def undisturbed(plan: Plan, folder: Path) -> Truth:
    """The run to compare with, and one forked run, for its time; they must be equal."""
    truth = plan.undisturbed(folder / f"{plan.assigner}-{plan.processes}-truth")
    runs, begin = folder / "timed", time.monotonic()
    code = ended(plan.start(runs, 1, folder / "timed.log"), SECONDS)
    seconds = time.monotonic() - begin
    if code or (wrong := differences(runs_in(runs)[0], truth)):
        sys.exit(f"{plan}: a forked run is not what the command gives: {code or wrong}")
    shutil.rmtree(runs)
    return Truth(truth, seconds, len(truth.read_metrics()))


def show(tally: Tally, seconds: float) -> None:
    kills = sum(tally.kills.values())
    for (kind, at), number in sorted(tally.kills.items()):
        print(f"{kind:<10} {at:<12} {number}")
    print(f"{kills} kills, {tally.resumes} resumes, {tally.runs} runs, {seconds:.0f} s, differences: ", end="")
    print("\n".join(tally.wrong) or "none")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", choices=list(METHODS), help="runs of one assigner")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rng, tally, begin = random.Random(options.seed), Tally(), time.monotonic()
    torch.set_num_threads(1)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    plans = [Plan(name, processes) for name in ([options.only] if options.only else METHODS) for processes in (1, 2)]
    folder = Path(tempfile.mkdtemp(prefix="kills"))  # TemporaryDirectory's would go with the first child that leaves
    try:
        truths = {plan: undisturbed(plan, folder) for plan in plans}
        for plan in cycle(plans):
            torture(plan, truths[plan], folder, rng, tally, most=8)
            print(f"{plan}: {sum(tally.kills.values())} kills", flush=True)
            if sum(tally.kills.values()) >= options.kills:
                break
    finally:
        shutil.rmtree(folder)
    show(tally, time.monotonic() - begin)
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
