"""Ray: a trial a run, on this machine or on the nodes of a cluster. A trial only minds the processes that train.

What is done, and how far a run is, is read from the run folders: Ray's own record of the experiment is thrown away, and
the same command starts a fresh experiment with the runs that remain.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial

import ray
from ray import tune
from ray.exceptions import GetTimeoutError, RayError
from ray.tune.experiment import Trial
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from experiments.grid.executors import Share
from experiments.grid.executors.cluster_watch import Stopper, Watcher
from experiments.grid.executors.trial import attempt, progress
from experiments.grid.job import Job, Outcome, record_outcome, to_line
from experiments.runtime.commit import ROOT, SENT, code_version
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.runtime.signals import SIGNALS, Stop

SETTINGS = {  # read by Ray from the environment
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours serves SIGINT and SIGTERM alike
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # results are in the run folders
    "RAY_AIR_NEW_OUTPUT": "0",  # its banner ignores verbose=0
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # FILE.py:CLASS is relative to where the command was typed
    "RAY_kill_child_processes_on_worker_exit": "false",  # they see their trial's end, save their state and exit
}
NOT_CODE = [".git", ".venv", "/runs", "/data", "**/__pycache__", "**/*.pt", "**/*.npz"]
TOKEN = "If it requires a token, set RAY_AUTH_MODE=token and put the token into ~/.ray/auth_token."
REACH = 10  # seconds in which a cluster's head answers
ANSWER = 120  # seconds in which a node answers, with time for the code to come


@dataclass(frozen=True)
class Ray:
    share: Share
    workers: int | None  # runs side by side; None: what the nodes hold
    address: str  # of a cluster; "local": a cluster of this machine, for this call
    ships: bool  # sends this code to the nodes

    def execute(self, jobs: list[Job], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        with self.joined() as share:
            begin()
            results = tune.Tuner(
                tune.with_resources(partial(_trial, share=share), resources(share)),
                param_space={"job": tune.grid_search([to_line(job).decode() for job in jobs])},
                tune_config=tune.TuneConfig(
                    max_concurrent_trials=self.workers, reuse_actors=True, trial_dirname_creator=_short
                ),
                run_config=run_config(share, stop, tick),
            ).fit()
            if not stop.requested:
                _record_lost(jobs, results)

    @contextmanager
    def joined(self) -> Iterator[Share]:
        """In the cluster, with a run's share of its nodes. What Ray itself notes is thrown away at the end."""
        self.share.logs.mkdir(parents=True, exist_ok=True)
        # Ray prints the log of a node that dies on stdout, whatever it is told; nothing of ours goes there.
        with (self.share.logs / "ray.log").open("a", encoding="utf-8") as log, redirect_stdout(log):
            self._join()
            try:
                nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
                share = _fitted(self.share, [node["Resources"] for node in nodes])
                if self.address != "local":
                    _same_code(nodes)
                yield share
            finally:
                ray.shutdown()
                shutil.rmtree(self.share.logs / _experiment(), ignore_errors=True)

    def _join(self) -> None:
        host, colon, port = self.address.rpartition(":")
        try:
            if colon and port.isdecimal():
                socket.create_connection((host, int(port)), REACH).close()  # Ray itself tries for minutes
        except OSError as error:
            raise UserError(f"No Ray cluster at {self.address}: {error.strerror or error}.") from None
        os.environ.update(SETTINGS)
        # What a worker imports is this checkout, whatever is installed.
        path = (str(ROOT), os.environ.get("PYTHONPATH"))
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, path)))
        code = (
            {"working_dir": str(ROOT), "excludes": NOT_CODE, "env_vars": {SENT: code_version()}} if self.ships else None
        )
        local = {"include_dashboard": False, "num_gpus": None} if self.address == "local" else {}
        if self.address == "local" and self.workers:
            local["num_cpus"] = self.workers * self.share.cpus * self.share.processes
        before = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            ray.init(address=self.address, runtime_env=code, log_to_driver=False, logging_level="CRITICAL", **local)
        except (ConnectionError, ValueError, RuntimeError, RayError) as error:
            why = str(error).partition("\n")[0].partition(". ")[0].removesuffix(".")
            raise UserError(f"Cannot connect to the Ray cluster at {self.address}: {why}. {TOKEN}") from None
        for number, handler in before.items():
            signal.signal(number, handler)  # Ray puts its own there, which abort


def resources(share: Share) -> dict[str, float]:
    """That a run occupies."""
    return {"cpu": share.cpus * share.processes, "gpu": share.gpus}


def run_config(share: Share, stop: Stop, tick: Callable[[], None]) -> tune.RunConfig:
    """Silent; ended by `stop`; a run that crashed is tried again."""
    return tune.RunConfig(
        name=_experiment(),
        storage_path=str(share.logs),
        stop=Stopper(stop),
        verbose=0,
        failure_config=tune.FailureConfig(max_failures=share.retries),
        callbacks=[Watcher(tick, share.retries)],
    )


def _experiment() -> str:
    return f"ray-{os.getpid()}"


def _short(trial: Trial) -> str:
    """Of a trial's folder."""
    return trial.trial_id


def _fitted(share: Share, nodes: list[dict]) -> Share:
    """The share with its GPUs settled, from what the nodes have; says what Ray would wait for without a word."""
    gpus = float(any(node.get("GPU") for node in nodes)) if share.gpus is None else share.gpus
    needed = {"CPU": share.cpus * share.processes, "GPU": gpus}
    if not any(all(node.get(kind, 0) >= count for kind, count in needed.items()) for node in nodes):
        units = " and ".join(f"{count:g} {kind}{'s' * (count > 1)}" for kind, count in needed.items() if count)
        say(f"No node of this Ray cluster has the {units} a run needs; waiting for one. Ctrl-C ends it.")
    return replace(share, gpus=gpus)


def _same_code(nodes: list[dict]) -> None:
    """Raises UserError where a node has other code than this machine, or none."""
    version, answers = code_version(), []
    for node in nodes:
        on_node = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ask = ray.remote(code_version).options(num_cpus=0, scheduling_strategy=on_node)
        answers.append((node["NodeManagerAddress"], ask.remote()))
    for address, answer in answers:
        try:
            remote = ray.get(answer, timeout=ANSWER)
        except GetTimeoutError:
            raise UserError(f"Node {address} did not start a process in {ANSWER} seconds. Is it well?") from None
        except RayError:
            raise UserError(f"Node {address} cannot load this code. Install it at {ROOT}, or pass --ship.") from None
        if remote != version:
            raise UserError(
                f"Node {address} has commit {remote}, this machine has {version}. "
                "Check out the same commit on both, or pass --ship."
            )


def _trial(config: dict, share: Share) -> None:
    """One try of one run, on whatever node Ray chose."""
    job = Job(**json.loads(config["job"]))
    attempt(job, share, lambda: tune.report(progress(job)))
    tune.report(progress(job))


def _record_lost(jobs: list[Job], results: tune.ResultGrid) -> None:
    """Records the runs that were tried to the limit and left no trace: their nodes went away, or have no such code."""
    for job, result in zip(jobs, results, strict=True):
        if result.error and not job.folder.is_done() and not job.folder.failed.is_file():
            lines = str(result.error).strip().splitlines()
            record_outcome(
                job, Outcome("transient", f"Ray lost it: {lines[-1] if lines else type(result.error).__name__}")
            )
