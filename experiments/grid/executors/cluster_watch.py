"""What happens on a Ray cluster while its runs go on: ticks, the wish to stop, and nodes that are lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import ray
from ray import tune
from ray.exceptions import RayTaskError

from experiments.grid.job import Job
from experiments.runtime.console import say
from experiments.runtime.signals import Stop

EVERY = 2.0  # seconds between two looks at the nodes
SILENT = 30.0  # seconds; Ray asks five times, every three


class Stopper(tune.Stopper):
    """Ends the experiment when a signal asked for it."""

    def __init__(self, stop: Stop):
        self.stop = stop

    def __call__(self, trial_id: str, result: dict) -> bool:
        return self.stop.requested

    def stop_all(self) -> bool:
        return self.stop.requested


@dataclass
class NodeWatch:
    """Which run is on which node, and which nodes are there."""

    retries: int  # of a run
    addresses: dict[str, str] = field(default_factory=dict)  # id of a node that is there -> its address
    runs: dict[str, tuple[str, Job]] = field(default_factory=dict)  # id of a trial -> id of its node, and its job
    failed: list[tuple[str, Job]] = field(default_factory=list)  # the same of tries that ended without an answer

    def look(self, nodes: list[dict]) -> list[str]:
        """A sentence for each node that is lost since the last look. nodes: as ray.nodes() has them."""
        alive = {node["NodeID"]: node["NodeManagerAddress"] for node in nodes if node["Alive"]}
        lost, self.addresses = {k: v for k, v in self.addresses.items() if k not in alive}, alive
        return [self._sentence(node, address) for node, address in lost.items()]

    def _sentence(self, node: str, address: str) -> str:
        tries = [*(run for run in self.runs.values() if not run[1].folder.is_done()), *self.failed]
        names = dict.fromkeys(_name(job) for at, job in tries if at == node)  # one that failed may have ended elsewhere
        again = "these start again from their newest checkpoint" if self.retries else "not tried again, by --retries 0"
        fate = f"{again}: {', '.join(names)}" if names else "no run was on it"
        return f"Node {address} ({node[:8]}) of the Ray cluster is lost; {fate}."


def _name(job: Job) -> str:
    """For a person."""
    return f"run {job.id} ({job.recipe.get('assigner')} on {job.recipe.get('dataset')}, seed {job.recipe.get('seed')})"


class Watcher(tune.Callback):
    """Feeds a NodeWatch, and ticks about once a second."""

    def __init__(self, tick: Callable[[], None], retries: int):
        self.tick, self.watch, self.looked = tick, NodeWatch(retries), 0.0
        self.vanished: set[str] = set()  # ids of nodes on which a process ended without a word

    def on_trial_result(self, iteration: int, trials: list, trial, result: dict, **_) -> None:
        self.watch.runs[trial.trial_id] = (result["node"], Job(**json.loads(result["job"])))

    def on_trial_recover(self, iteration: int, trials: list, trial, **_) -> None:
        tries = [self.watch.runs.pop(trial.trial_id)] if trial.trial_id in self.watch.runs else []
        self.watch.failed += tries
        if not isinstance(trial.get_pickled_error(), RayTaskError):  # no error of ours: its process is gone
            self.vanished |= {node for node, _ in tries}

    def on_step_end(self, iteration: int, trials: list, **_) -> None:
        self.tick()
        if time.monotonic() > self.looked + EVERY:
            self._look()

    def on_experiment_end(self, trials: list, **_) -> None:
        """Ray takes a node that is silent for lost after some seconds; the runs may have ended on others before."""
        until = time.monotonic() + SILENT
        self._look()
        while self.vanished & set(self.watch.addresses) and time.monotonic() < until:
            time.sleep(0.5)
            self._look()

    def _look(self) -> None:
        self.looked = time.monotonic()
        for sentence in self.watch.look(ray.nodes()):
            say(sentence)
