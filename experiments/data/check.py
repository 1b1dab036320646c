"""Checks a data set on disk: layout, counts, checksums, every image; says what is missing and what brings it.

python experiments/data/check.py --dataset voc --data-root DIR
python experiments/data/check.py --dataset voc --data-root DIR --download

Leaves with 0 where all is good, 1 where something is missing or broken, 2 where the command is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

try:
    from experiments import data, recipe
    from experiments.data import layout
    from experiments.data.examine import examine
    from experiments.data.index import Index
    from experiments.data.layout import Finding
    from experiments.data.quarantine import Look, Memory
    from experiments.data.sources import SOURCES, Source
    from experiments.errors import UserError
    from experiments.progress import say
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

SHOWN = 5  # bad images in the report; the list has all


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, help="a name, or the YAML file of your own recipe, as for run.py")
    parser.add_argument("--data-root", type=Path, help="folder that holds, or will hold, the data set's files")
    parser.add_argument("--download", action="store_true", help="fetch and unpack what is missing (voc, coco)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that decode images")
    parser.add_argument(
        "--state", type=Path, help="folder of the quarantine list and of what was checked (default: DATA_ROOT/check)"
    )
    return parser


def act(options: argparse.Namespace) -> int:
    chosen = recipe.load(options.dataset, "autoassign", [], 0)
    if chosen.data.reader == "shapes":
        print(f"{options.dataset} is drawn: there is nothing on disk to check.")
        return 0
    source = SOURCES.get(options.dataset)
    root = _root(options, source)
    memory = Memory((options.state or root / "check").absolute(), chosen.dataset)
    if source and not layout.applies(source, root):
        source = None
    if options.download:
        if not source or not source.fetchable:
            raise layout.unfetchable(options.dataset, source)
        layout.bring(source, root, memory)
    return report(options, chosen.data, root, source, memory)


def _root(options: argparse.Namespace, source: Source | None) -> Path:
    """Absolute, so that what was checked is known again from another folder."""
    where = f" It comes from {source.page} (licence: {source.licence}); layout: {source.layout}." if source else ""
    if options.workers < 1:
        raise UserError(f"--workers {options.workers}: at least one process must decode.")
    if options.data_root is None:
        raise UserError(f"'{options.dataset}' lies on disk. Say where with --data-root DIR.{where}")
    if options.download and source and source.fetchable:
        if source.top and (options.data_root.absolute().name == source.top):
            raise UserError(f"--download makes {source.top} itself: give its parent as --data-root.")
        options.data_root.mkdir(parents=True, exist_ok=True)
    if not options.data_root.is_dir():
        raise UserError(f"There is no folder {options.data_root}.{where}")
    return options.data_root.absolute()


def report(
    options: argparse.Namespace, chosen: recipe.DataRecipe, root: Path, source: Source | None, memory: Memory
) -> int:
    """Prints the page; the exit code."""
    findings, indices = [], []
    if source:
        findings += layout.published(source, root, memory) + layout.folders(source, root)
    for name in ("train", "val"):
        try:
            split = data.resolve(chosen, options.dataset, root, getattr(chosen, name))
            index = data.load(chosen, options.dataset, root, split)
        except UserError as error:
            findings.append(Finding("broken", f"{name}: {error}"))
            continue
        indices.append(index)
        findings += layout.counts(source or Source("", "", ""), name, split, index)
    readable = len(indices) == 2
    findings += images(indices, memory, options.workers)
    print(f"{options.dataset} in {root}")
    for finding in findings:
        print(f"{finding.kind:<8} {finding.text}")
    lacking = any(finding.kind != "ok" for finding in findings)
    if source and lacking:
        print(f"source   {source.page}; licence: {source.licence}; layout: {source.layout}")
        if source.fetchable:
            print(f"fetch    {command(options)} --download")
    print(verdict(findings, readable))
    return int(lacking)


def images(indices: list[Index], memory: Memory, workers: int) -> list[Finding]:
    """Decodes every image of the splits, and holds its size against the annotation's."""
    sizes = {path: tuple(map(int, size)) for x in indices for path, size in zip(x.paths, x.sizes, strict=True)}
    if not sizes:
        return []
    looks, decoded = examine(list(sizes), memory, workers)
    bad = [look for look in looks.values() if not look.good]
    off = [(p, x) for p, x in looks.items() if x.good and (x.height, x.width) != sizes[p]]
    found = [Finding("broken", look.reason) for look in bad[:SHOWN]]
    found += [Finding("broken", _differing(p, x, sizes[p])) for p, x in off[:SHOWN]]
    known = f", {len(sizes) - decoded} of them known from before" if decoded < len(sizes) else ""
    good = Finding("ok", f"{len(sizes) - len(bad)} of {len(sizes)} images decode{known}")
    if bad:
        found.append(Finding("broken", f"{len(bad)} of {len(sizes)} images do not decode; list: {memory.quarantine}"))
    if off:
        found.append(Finding("broken", f"{len(off)} images are not of the size that their annotation says"))
    return [good, *found]


def _differing(path: str, look: Look, stated: tuple[int, int]) -> str:
    return f"{path}: {look.width} x {look.height} pixels, its annotation says {stated[1]} x {stated[0]}."


def verdict(findings: list[Finding], readable: bool) -> str:
    """What it means for the person who wants to train on it."""
    number = {kind: sum(finding.kind == kind for finding in findings) for kind in ("differs", "missing", "broken")}
    if not any(number.values()):
        return "verdict: good. run.py can train and test on it."
    if not readable:
        return "verdict: run.py cannot read it. Mend what is broken or missing, then check again."
    if number["broken"]:
        return "verdict: run.py stops at what is broken; --set data.skip_bad_images=true leaves up to 1 % of them out."
    return "verdict: run.py can train and test on it, but it is not the official set: its AP is not the benchmark's."


def command(options: argparse.Namespace) -> str:
    return f"python experiments/data/check.py --dataset {options.dataset} --data-root {options.data_root}"


def main() -> int:
    options = arguments().parse_args()
    try:
        return act(options)
    except UserError as error:
        say(f"error: {error}")
    except OSError as error:  # a disk that is full, gone or not ours
        advice = "What was fetched and checked before is kept: mend it, then the same line goes on."
        where = f"{error.filename or options.data_root}: {error.strerror}."
        say(f"error: {where} {advice} Where the data may not be written to, name a folder with --state DIR.")
    except KeyboardInterrupt:
        say("stopped; what was fetched and checked is kept, the same line goes on.")
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main())
