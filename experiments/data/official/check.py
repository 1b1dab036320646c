"""Checks a dataset on disk: layout, counts, checksums, every image; says what is missing and where to get it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments.data.config import DataConfig
from experiments.data.datasets import keep_index, load_index, resolve_split
from experiments.data.official import compare, contents
from experiments.data.official.compare import Finding
from experiments.data.official.contents import Split
from experiments.data.official.decode import decode_all
from experiments.data.official.memory import ImageState, Memory
from experiments.data.official.missing_files import image_files, missing_files
from experiments.data.official.obtain import DatasetOptions, obtain
from experiments.data.official.sources import PublicSource
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.runtime.threads import usable_cores

LISTED = 5  # bad images on the page; the list on disk has all


def check_data(options: DatasetOptions, workers: int | None) -> int:
    """`run.py --check-data`: 0 where all is good, 1 where something is missing or broken, 130 where it was stopped.

    workers: decoding processes; None: one a core. Raises UserError.
    """
    try:
        return _check(options, workers or usable_cores())
    except BrokenPipeError:  # of `| head`: no fault of a disk
        raise
    except OSError as error:  # a disk that is full, gone or not ours
        where = f"{error.filename or options.root}: {error.strerror}."
        advice = "What was fetched and checked before is kept: fix that, then run the same command again."
        raise UserError(
            f"{where} {advice} Where the data may not be written to, name a folder with --state DIR."
        ) from None
    except KeyboardInterrupt:
        say("Stopped. What was fetched and checked is kept: run the same command to resume.")
        return 130


def _check(options: DatasetOptions, workers: int) -> int:
    folder = obtain(options)
    if folder is None:
        print(f"{options.name} is synthetic: there is nothing on disk to check.")
        return 0
    root, source = folder.absolute(), options.source
    if source and not compare.is_official(source, root):
        source = None
    return _report(options, root, source, workers)


def _report(options: DatasetOptions, root: Path, source: PublicSource | None, workers: int) -> int:
    """Prints the page; the exit code."""
    memory = options.memory(root)
    findings = compare.archives(source, root, memory) + compare.folders(source, root) if source else []
    splits, faults = _splits(options.name, options.data, root, source)
    findings += faults
    readable = len(splits) == 2
    if not readable:
        findings += _missing(root, memory)
    states, decoded = _decoded(splits, [] if readable else image_files(root), memory, workers, options.data)
    findings += decoded
    if readable:
        findings += _contents(options.name, options.data, root, splits, states)
    print(f"{options.typed} in {root}")
    for finding in findings:
        print(f"{finding.kind:<8} {finding.text}")
    incomplete = any(finding.kind in ("differs", "missing", "broken") for finding in findings)
    if source and incomplete:
        print(f"source   {source.page} (licence: {source.licence})\n{'layout':<8} {source.layout}")
        if source.fetchable:
            print(f"fetch    {options.command} --download")
    print(_verdict(findings, readable))
    return int(incomplete)


def _splits(
    dataset: str, data: DataConfig, root: Path, source: PublicSource | None
) -> tuple[list[Split], list[Finding]]:
    """What run.py would read, and how it compares with the official numbers."""
    splits, findings = [], []
    for name in ("train", "val"):
        try:
            split = resolve_split(data, dataset, root, getattr(data, name))
            index = load_index(data, dataset, root, split, clean=name == "train")
            splits.append(Split(name, split, index))
        except UserError as error:
            findings.append(Finding("broken", f"{name}: {error}"))
        else:
            findings += compare.counts(source, name, str(split), splits[-1].index)
    return splits, findings + compare.classes([x.index for x in splits])


def _contents(
    dataset: str, data: DataConfig, root: Path, splits: list[Split], states: dict[str, ImageState]
) -> list[Finding]:
    """What is said of both splits together; their images' hashes go into the cache."""
    findings = contents.objects(splits) + contents.orientations(splits, states, data.reading)
    findings += contents.repeated(splits, states)
    for split in splits:
        index = replace(split.index, files=contents.files_of(split.index, states), hashed="")
        if not index.files.same(split.index.files):
            keep_index(data, dataset, root, split.split, index, clean=split.name == "train")
            findings += contents.renamed(split, split.index.digest(), index.digest())
    return findings


def _missing(root: Path, memory: Memory) -> list[Finding]:
    """The files that the annotations name and that are not there."""
    paths = missing_files(root)
    findings = [Finding("missing", path) for path in paths[:LISTED]]
    if len(paths) > LISTED:
        memory.lacks(paths)
        findings.append(Finding("missing", f"{len(paths)} files that the annotations name; list: {memory.missing}"))
    return findings


def _decoded(
    splits: list[Split], others: list[str], memory: Memory, workers: int, data: DataConfig
) -> tuple[dict[str, ImageState], list[Finding]]:
    """Decodes every image of the splits and all others, and compares its size with the annotation's."""
    sizes = {p: tuple(size) for x in splits for p, size in zip(x.index.paths, x.index.sizes.tolist(), strict=True)}
    paths = list(dict.fromkeys([*sizes, *others]))
    if not paths:
        return {}, []
    states, decoded = decode_all(paths, memory, workers, data.reading)
    before = f", {len(paths) - decoded} of them known from before" if decoded < len(paths) else ""
    good = sum(state.good for state in states.values())
    findings = [Finding("ok", f"{good} of {len(paths)} images decode{before}")]
    return states, findings + _bad(states, memory) + _of_another_size(sizes, states, data.exif)


def _bad(states: dict[str, ImageState], memory: Memory) -> list[Finding]:
    bad = [state for state in states.values() if not state.good]
    findings = [Finding("broken", state.reason) for state in bad[:LISTED]]
    if bad:
        text = f"{len(bad)} of {len(states)} images do not decode; list: {memory.quarantine}"
        findings.append(Finding("broken", text))
    return findings


def _of_another_size(sizes: dict[str, tuple[int, ...]], states: dict[str, ImageState], exif: str) -> list[Finding]:
    """Images that are not of the size that their annotation says."""
    read = {path: states[path].size(exif) for path in sizes if states[path].good}
    off = [(path, size) for path, size in read.items() if sizes[path] != size]
    findings = [Finding("broken", _differing(path, size, sizes[path])) for path, size in off[:LISTED]]
    if len(off) > LISTED:
        findings.append(Finding("broken", f"{len(off)} images in all are not of the size that their annotation says"))
    return findings


def _differing(path: str, size: tuple[int, ...], stated: tuple[int, ...]) -> str:
    return f"{path}: {size[1]} x {size[0]} pixels, its annotation says {stated[1]} x {stated[0]}."


def _verdict(findings: list[Finding], readable: bool) -> str:
    """What it means for the person who wants to train on it."""
    kinds = {finding.kind for finding in findings} - {"ok", "note"}
    if not kinds:
        return "verdict: good. run.py can train and test on it."
    if kinds == {"warning"}:
        return "verdict: run.py can train and test on it; decide whether the warnings matter."
    if not readable:
        return "verdict: run.py cannot read it. Fix what is broken or missing, then check again."
    if "broken" in kinds:
        skip = "to skip up to 1 % undecodable images, pass --set data.skip_bad_images=true"
        return f"verdict: run.py stops at what is broken; {skip}."
    return (
        "verdict: run.py can train and test on it, but it is not the official dataset: its AP is not the benchmark's."
    )
