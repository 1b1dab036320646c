"""Computes again, image by image, the step whose numbers were not finite.

python experiments/replay.py runs/ID/nonfinite.pt
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from types import SimpleNamespace

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

try:
    import torch

    from assigners import FILE_MARK
    from assigners.interface import Objects
    from experiments.recipes.recipe import Recipe, from_dict, steps
    from experiments.records.run_folder import RunFolder
    from experiments.runtime.commands import end, exit_code
    from experiments.runtime.errors import UserError
    from experiments.training import checkpoint
    from experiments.training.model import build_detector
    from experiments.training.step import cut
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")


def load_broken(path: Path, trusted: str) -> tuple[Recipe, dict]:
    """The run's recipe and what `guards.keep_broken` wrote. Raises UserError, RecordError.

    A run.json may come from a stranger: the code that it names runs only where it is `trusted`.
    """
    recipe = from_dict(RunFolder(path.parent).read_run().recipe, f"{path.parent}/run.json")
    if FILE_MARK in recipe.assigner and recipe.assigner != trusted:
        raise UserError(f"The run used an assigner of its owner's. If you trust it, add --assigner {recipe.assigner}")
    state = checkpoint.read(path, torch.device("cpu"))
    if state is None:
        raise UserError(f"Cannot read {path}: it is not there, or damaged.")
    return recipe, state


def show(recipe: Recipe, state: dict) -> None:
    """One line an image: its loss terms and the parameters whose gradient is not finite."""
    model = build_detector(recipe, state["classes"])
    model.load_state_dict(state["model"])
    batch = SimpleNamespace(images=state["images"], objects=Objects(**state["objects"]))
    figures = ", ".join(f"{name} {value:.4g}" for name, value in state["figures"].items())
    print(f"step {state['step']}, lr {state['lr']:.3g}: {figures}")
    if recipe.schedule.bf16:  # see guards.check_precision
        print("The run computed in bf16; here, on the CPU, it is float32.")
    progress = (state["step"] - 1) / steps(recipe.schedule)
    for image_id, (images, objects) in zip(state["image_ids"].tolist(), cut(batch, len(batch.images)), strict=True):
        model.zero_grad(set_to_none=True)
        terms, _ = model(images, objects, progress)
        sum(terms.values()).backward()
        terms = {name: float(term.detach()) for name, term in terms.items()}
        grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        broken = [name for name, grad in grads.items() if not grad.isfinite().all()]
        marks = "  <-- not finite" if broken or not all(math.isfinite(t) for t in terms.values()) else ""
        figures = ", ".join(f"{name} {term:.4g}" for name, term in terms.items())
        print(f"image {image_id}: {len(objects.boxes)} objects, {figures}{marks}")
        for name in broken:
            print(f"    gradient of {name}")


def main() -> int:
    """The exit code: 0, 2 for a user's error, 75 where a signal stopped it."""
    return exit_code(_main)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the nonfinite.pt that a run left")
    parser.add_argument("--assigner", default="", metavar="FILE.py:CLASS", help="code of the run that you trust")
    options = parser.parse_args()
    path = options.file
    try:
        show(*load_broken(path, options.assigner))
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path} does not fit the run.json beside it ({reason}).") from None
    return 0


if __name__ == "__main__":
    end(main())
