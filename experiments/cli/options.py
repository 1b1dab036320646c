"""The flags of run.py, by name: what each one is where it is not typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """A field a flag, `--data-root` is data_root. Which mode takes which: `modes.py`."""

    assigner: str = "autoassign"
    dataset: str = "shapes"
    data_root: Path | None = None
    download: bool = False
    split: str = "val"  # that a run is evaluated on; test-dev: detections are written, too, for COCO's server
    runs: Path = Path("runs")
    seed: int = 0
    set: tuple[str, ...] = ()  # KEY=VALUE
    evaluator: str = ""  # "": the recipe's
    skip_bad_images: bool = False
    resume: bool = False
    force: bool = False
    list: bool = False
    print_config: bool = False
    explain: bool = False
    check: str = ""
    check_data: bool = False
    state: Path | None = None
    tables: tuple[int, ...] = ()
    tune: bool = False
    profile: str = "full"
    seeds: tuple[int, ...] = (0, 1, 2)
    heads: tuple[str, ...] = ("native",)
    only: tuple[str, ...] = ()
    until_decided: bool = False
    budget: float | None = None  # hours of cores or GPUs; None: without end
    plan: bool = False
    retry_failed: bool = False
    retries: int = 2
    executor: str = ""  # "": process, or ray with an address
    address: str = ""
    ship: bool = False
    workers: int | None = None
    cpus_per_run: int = 1
    gpus_per_run: float | None = None
    processes_per_run: int = 0  # 0: one a GPU of the run

    @property
    def overrides(self) -> list[str]:
        """KEY=VALUE of all flags that stand for a field of the recipe."""
        evaluator = [f"test.evaluator={self.evaluator}"] if self.evaluator else []
        return [*self.set, *evaluator, *["data.skip_bad_images=true"] * self.skip_bad_images]
