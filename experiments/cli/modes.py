"""What run.py can be asked to do, and the flags that each of these takes: one that would do nothing is an error."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from experiments.runtime.errors import UserError

RECIPE = frozenset(("dataset", "set"))
PLACES = frozenset(("data_root", "runs"))  # of a run; a question about it may be typed with them
CHANGES = frozenset(("evaluator", "skip_bad_images"))  # of the recipe
QUEUE = ("budget", "heads", "only", "plan", "profile", "retries", "retry_failed", "seeds", "until_decided", "workers")
CLUSTER = ("address", "cpus_per_run", "gpus_per_run", "processes_per_run", "ship")
MACHINES = ("executor", *CLUSTER)


@dataclass(frozen=True)
class Mode:
    """`name` is the flag that chooses it, as a field of Options; "" is what happens without one."""

    name: str
    takes: frozenset[str]

    @property
    def beside(self) -> str:
        return f"beside {flag(self.name)}" if self.name else "in a single run"


TRAIN = Mode("", RECIPE | CHANGES | PLACES | {"assigner", "download", "force", "resume", "seed", "split"})
MODES = (  # the first one that is typed is meant
    Mode("list", frozenset()),
    Mode("check", frozenset()),
    Mode("check_data", RECIPE | PLACES | {"download", "state", "workers"}),
    Mode("tables", CHANGES | PLACES | {"force", "set", *QUEUE, *MACHINES}),
    Mode(
        "tune", CHANGES | PLACES | {"force", "plan", "profile", "retries", "retry_failed", "set", "workers", *CLUSTER}
    ),
    Mode("print_config", RECIPE | CHANGES | PLACES | {"assigner", "seed"}),
    Mode("explain", RECIPE | PLACES | {"assigner"}),
    TRAIN,
)
INSTEAD = {  # (mode, flag that it does not take) -> what the person may have meant
    ("tables", "assigner"): "Select its runs with --only assigner=NAME, or leave --tables out",
    ("tables", "dataset"): "Select its runs with --only dataset=NAME, or leave --tables out",
    ("tables", "seed"): "Name its seeds with --seeds N ..., or leave --tables out",
    ("tables", "resume"): "It resumes what is unfinished anyway: leave it out",
    ("tables", "download"): "Fetch a dataset first: --check-data --dataset NAME --download",
    ("tune", "only"): "Every method gets the same search: leave it out",
    ("tune", "seeds"): "Its seeds stand in the profile's file: leave it out",
    ("", "seeds"): "Name the one seed with --seed N, or add --tables N",
    ("", "workers"): "Processes that load images are --set data.workers=N",
    ("", "only"): "Name the assigner with --assigner NAME, or add --tables N",
}


def flag(name: str) -> str:
    """As it is typed."""
    return f"--{name.replace('_', '-')}"


def mode_of(typed: Collection[str]) -> Mode:
    """The mode that these flags ask for. Raises UserError for a flag that it does not take."""
    mode = next(mode for mode in MODES if not mode.name or mode.name in typed)
    idle = sorted(set(typed) - mode.takes - {mode.name})
    if idle:
        raise UserError(_sentence(mode, idle[0]))
    return mode


def _sentence(mode: Mode, name: str) -> str:
    owners = [other.name for other in MODES if other.name and name in other.takes]
    belongs = f": it belongs to {' and '.join(map(flag, owners))}" if owners and not mode.name else ""
    advice = f"Add {flag(owners[0])}, or leave {flag(name)} out" if belongs else "Leave one of them out"
    return f"{flag(name)} does nothing {mode.beside}{belongs}. {INSTEAD.get((mode.name, name), advice)}."
