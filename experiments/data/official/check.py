"""Checks a data set on disk: layout, counts, checksums, every image; says what is missing and what brings it.

python experiments/data/official/check.py --dataset voc --data-root DIR
python experiments/data/official/check.py --dataset voc --data-root DIR --download

Leaves with 0 where all is good, 1 where something is missing or broken, 2 where the command is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

try:
    from experiments.data import datasets
    from experiments.data.index import Index
    from experiments.data.official import compare
    from experiments.data.official.compare import Finding
    from experiments.data.official.decode import examine
    from experiments.data.official.memory import Look, Memory
    from experiments.data.official.missing_files import missing, pictures
    from experiments.data.official.sources import SOURCES, Source
    from experiments.recipes import recipe
    from experiments.runtime.console import say
    from experiments.runtime.errors import UserError
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")
except KeyboardInterrupt:  # torch takes seconds to import
    sys.exit(130)

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
    if options.download:
        compare.fetchable_into(options.dataset, source, root)
        root.mkdir(parents=True, exist_ok=True)
        compare.bring(source, root, memory)
    elif source and not compare.applies(source, root):
        source = None
    return report(options, chosen.data, root, source, memory)


def _root(options: argparse.Namespace, source: Source | None) -> Path:
    """Absolute, so that what was checked is known again from another folder."""
    where = f" It comes from {source.page} (licence: {source.licence}); layout: {source.layout}." if source else ""
    if options.workers < 1:
        raise UserError(f"--workers {options.workers}: at least one process must decode.")
    if options.data_root is None:
        raise UserError(f"'{options.dataset}' lies on disk. Say where with --data-root DIR.{where}")
    if not options.data_root.is_dir() and not options.download:
        raise UserError(f"There is no folder {options.data_root}.{where}")
    return options.data_root.absolute()


def report(
    options: argparse.Namespace, chosen: recipe.DataRecipe, root: Path, source: Source | None, memory: Memory
) -> int:
    """Prints the page; the exit code."""
    findings = compare.published(source, root, memory) + compare.folders(source, root) if source else []
    indices, said = splits(options.dataset, chosen, root, source)
    findings += said
    readable = len(indices) == 2
    if not readable:
        findings += absent(root, memory)
    findings += images(indices, [] if readable else pictures(root), memory, options.workers)
    print(f"{options.dataset} in {root}")
    for finding in findings:
        print(f"{finding.kind:<8} {finding.text}")
    lacking = any(finding.kind != "ok" for finding in findings)
    if source and lacking:
        print(f"source   {source.page} (licence: {source.licence})\n{'layout':<8} {source.layout}")
        if source.fetchable:
            print(f"fetch    {command(options)} --download")
    print(verdict(findings, readable))
    return int(lacking)


def splits(
    dataset: str, chosen: recipe.DataRecipe, root: Path, source: Source | None
) -> tuple[list[Index], list[Finding]]:
    """What run.py would read, and how it compares with the official numbers."""
    indices, findings = [], []
    for name in ("train", "val"):
        try:
            split = datasets.resolve(chosen, dataset, root, getattr(chosen, name))
            indices.append(datasets.load(chosen, dataset, root, split))
        except UserError as error:
            findings.append(Finding("broken", f"{name}: {error}"))
        else:
            findings += compare.counts(source, name, split, indices[-1])
    return indices, findings


def absent(root: Path, memory: Memory) -> list[Finding]:
    """The files that the annotations name and that are not there."""
    paths = missing(root)
    found = [Finding("missing", path) for path in paths[:SHOWN]]
    if len(paths) > SHOWN:
        memory.lacks(paths)
        found.append(Finding("missing", f"{len(paths)} files that the annotations name; list: {memory.missing}"))
    return found


def images(indices: list[Index], others: list[str], memory: Memory, workers: int) -> list[Finding]:
    """Decodes every image of the splits and all others, and holds its size against the annotation's."""
    sizes = {path: tuple(map(int, size)) for x in indices for path, size in zip(x.paths, x.sizes, strict=True)}
    paths = list(dict.fromkeys([*sizes, *others]))
    if not paths:
        return []
    looks, decoded = examine(paths, memory, workers)
    bad = [look for look in looks.values() if not look.good]
    off = [(p, x) for p, x in looks.items() if x.good and sizes.get(p, (x.height, x.width)) != (x.height, x.width)]
    known = f", {len(paths) - decoded} of them known from before" if decoded < len(paths) else ""
    found = [Finding("ok", f"{len(paths) - len(bad)} of {len(paths)} images decode{known}")]
    found += [Finding("broken", look.reason) for look in bad[:SHOWN]]
    found += [Finding("broken", _differing(p, x, sizes[p])) for p, x in off[:SHOWN]]
    if bad:
        found.append(Finding("broken", f"{len(bad)} of {len(paths)} images do not decode; list: {memory.quarantine}"))
    if len(off) > SHOWN:
        found.append(Finding("broken", f"{len(off)} images in all are not of the size that their annotation says"))
    return found


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
        skip = "images that do not decode, up to 1 %, it skips with --set data.skip_bad_images=true"
        return f"verdict: run.py stops at what is broken; {skip}."
    return "verdict: run.py can train and test on it, but it is not the official set: its AP is not the benchmark's."


def command(options: argparse.Namespace) -> str:
    return f"python experiments/data/official/check.py --dataset {options.dataset} --data-root {options.data_root}"


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
