"""Losses, gradients and detections of every method on a small network, kept to the last bit in golden.npz.

A refactoring changes no number: the comparison must find 0 differing hashes on the processor that wrote the file.

python -m tests.golden            compares with golden.npz
python -m tests.golden --write    replaces it: only in a commit of its own that says which numbers change and why
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import assigners
from assigners.interface import Objects
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.postprocess import Limits
from detector.streams import generator, global_stream

FILE = Path(__file__).with_suffix(".npz")
HEIGHT, WIDTH, CLASSES = 96, 128, 3  # px
CHANNELS = 16  # of the pyramid
LIMITS = Limits(score_threshold=0.02, per_level=40, detections=25)
SWITCHES = {
    "center": ("none", "fixed", "shared", "category"),
    "confidence": ("none", "cls", "loc", "joint"),
    "negative": ("none", "iou"),
    "objectness": ("none", "implicit", "explicit"),
}
LATER = ("guidedanchoring", "metaanchor", "fsaf", "plain_fcos", "noisy_anchors", "sapd")  # each behind the last one
SAMPLES = 4  # of each tensor: its largest magnitude, its first, middle and last value
CLOSE, FLOOR = 1e-5, 1e-6  # of the largest magnitude, and absolute, where the processor or torch is another one
SEED = 7  # of eight tried, the one with the fewest decisions that another processor's rounding could turn


def cases() -> Iterator[tuple[str, str, dict]]:
    """Method, mode and settings: every method x objectness x mode, and all switches of AutoAssign."""
    for method, mode in product(("retinanet", "fcos", "atss", "freeanchor", "autoassign"), ("native", "controlled")):
        kinds = SWITCHES["objectness"] if method == "autoassign" else ("none", "implicit")
        yield from ((method, mode, {"objectness": kind}) for kind in kinds)
    for values in product(*SWITCHES.values()):
        yield "autoassign", "native", dict(zip(SWITCHES, values, strict=True))
    for method, mode, kind in product(LATER, ("native", "controlled"), ("none", "implicit")):
        yield method, mode, {"objectness": kind}


def scene(number: int) -> tuple[Tensor, Objects]:
    """Two images: ordinary objects and an empty image; many tiny and identical ones with ignore regions; nothing."""
    draw = generator(SEED, "golden", number)
    images = torch.randint(256, (2, 3, HEIGHT, WIDTH), dtype=torch.uint8, generator=draw)
    counts, largest = (((5, 0), 80.0), ((9, 4), 24.0), ((0, 0), 1.0))[number]
    side = 3 + (largest - 3) * torch.rand(sum(counts), 2, generator=draw)
    corner = torch.rand(sum(counts), 2, generator=draw) * (torch.tensor([WIDTH, HEIGHT]) - side)
    boxes = torch.cat((corner, corner + side), 1)
    if number == 1:
        boxes[1:3] = boxes[0]  # identical, of one class and of two
    return images, Objects(
        boxes=boxes,
        labels=torch.arange(len(boxes)).div(2, rounding_mode="floor") % CLASSES,
        image=torch.repeat_interleave(torch.tensor(counts)),
        ignore=torch.tensor([[8.0, 8.0, 60.0, 40.0], [64.0, 30.0, 120.0, 90.0]])[: 2 * (number == 1)],
        ignore_image=torch.tensor([0, 1])[: 2 * (number == 1)],
        images=2,
    )


def detector(method: str, mode: str, settings: dict) -> Detector:
    """A small network whose weights and priors all differ from their initial values.

    GELU in the place of ReLU: of its 400,000 activations one or two lie so near 0 that another processor's rounding
    flips their sign, and with it a hundredth of some gradients.
    """
    config = DetectorConfig("resnet18", "none", "gn", 0, CHANNELS, 1, mode, reference="autoassign")
    with global_stream(SEED, "golden", method):
        assigner = assigners.build(method, CLASSES, CHANNELS, **settings)
    model = Detector(config, assigner)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.GELU())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(0.05 * noise(name, parameter.shape))
    return model


@cache
def noise(name: str, shape: torch.Size) -> Tensor:
    """The same for all cases; it took a tenth of their time."""
    return torch.randn(shape, generator=generator(SEED, "golden", name))


def numbers(model: Detector, images: Tensor, objects: Objects) -> dict[str, Tensor]:
    """Everything a step and an evaluation compute, by name."""
    preds = model.predict(images, 0.5)
    terms, counts = model.assigner(preds, objects)
    outputs = outputs_of(preds)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    total = sum((i + 1) * term for i, term in enumerate(terms.values()))  # a sum alone would hide a swap
    sources = outputs | parameters
    gradients = torch.autograd.grad(total, list(sources.values()), allow_unused=True)
    missing = {name: torch.zeros(1) for name in sources}
    shown = {f"gradient {n}": missing[n] if g is None else g for n, g in zip(sources, gradients, strict=True)}
    sizes = torch.tensor([[HEIGHT, WIDTH], [HEIGHT - 10, WIDTH - 20]])
    detected = model.eval().detect(images, sizes, LIMITS)
    detections = {f"detections {name}": value for name, value in vars(detected).items()}
    losses = {f"loss {name}": value for name, value in (terms | counts).items()}
    return {name: value.detach() for name, value in (losses | outputs | shown | detections).items()}


def outputs_of(preds) -> dict[str, Tensor]:
    """The outputs of the head, by name."""
    return {"logits": preds.logits, "deltas": preds.deltas, **preds.branches}


def row(value: Tensor) -> tuple[int, list[float]]:
    """A hash of the bits, whatever the shape, and SAMPLES values."""
    flat = np.ascontiguousarray(value.flatten().numpy())
    digest = int.from_bytes(sha256(str(flat.dtype).encode() + flat.tobytes()).digest()[:8], "big")
    if not len(flat):
        return digest, [0.0] * SAMPLES
    return digest, [float(np.abs(flat).max()), *(float(flat[i]) for i in (0, len(flat) // 2, -1))]


def title(method: str, mode: str, settings: dict) -> str:
    """Of a case, in the names of its tensors."""
    return f"{method} {mode} {' '.join(settings.values())}"


def measured(chosen: list[tuple[str, str, dict]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, hashes (n,) and samples (n, SAMPLES) of these cases in all scenes, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names, hashes, samples = [], [], []
        for case in chosen:
            model = detector(*case)
            for number in range(3):
                for name, value in numbers(model.train(), *scene(number)).items():
                    digest, values = row(value)
                    names.append(f"{title(*case)} scene {number}: {name}")
                    hashes.append(digest)
                    samples.append(values)
        return names, np.array(hashes, np.uint64), np.array(samples, np.float32)
    finally:
        torch.set_num_threads(threads)


def machine() -> str:
    """What the last bits depend on: torch's version and the processor's instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    flags = next((sorted(line.split()) for line in lines if line.startswith("flags")), [])
    short = sha256(" ".join(flags).encode()).hexdigest()[:12]
    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, processor flags {short}"


def compare(share: int = 0, shares: int = 1) -> tuple[list[str], str]:
    """A line for each tensor that differs, and a sentence on what was compared: every `shares`-th case from `share`."""
    with np.load(FILE) as file:
        golden, hashes, samples = bytes(file["names"]).decode().split("\n"), file["hashes"], file["samples"]
        there = bytes(file["machine"]).decode()
    owners = [name.split(" scene ")[0] for name in golden]
    known = list(dict.fromkeys(owners))
    if known != [title(*case) for case in cases()]:
        changed = sorted(set(known) ^ {title(*case) for case in cases()})
        return changed or known, f"{len(changed)} cases came or went, or their order changed"
    names, current, values = measured(list(cases())[share::shares])
    rows = np.flatnonzero(np.isin(owners, known[share::shares]))
    golden, hashes, samples = [golden[i] for i in rows], hashes[rows], samples[rows]
    if names != golden:
        changed = sorted(set(names) ^ set(golden))
        return changed, f"{len(changed)} names of tensors came or went"
    if machine() == there:
        wrong = np.flatnonzero(current != hashes)
        sentence = f"{len(wrong)} of {len(names)} hashes differ, compared bit for bit ({there})"
    else:
        wrong = np.flatnonzero((np.abs(values - samples) > FLOOR + CLOSE * samples[:, :1]).any(1))
        sentence = (
            f"{len(wrong)} of {len(names)} tensors differ in sampled values by more than {CLOSE:g} of their largest: "
            f"the file is of {there}, this is {machine()}"
        )
    return [f"{names[i]}: {values[i].tolist()} in place of {samples[i].tolist()}" for i in wrong], sentence


def write() -> None:
    names, hashes, samples = measured(list(cases()))
    text, where = ("\n".join(names).encode(), machine().encode())
    arrays = {"names": np.frombuffer(text, np.uint8), "machine": np.frombuffer(where, np.uint8)}
    np.savez_compressed(FILE, **arrays, hashes=hashes, samples=samples)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"replace {FILE.name}")
    if parser.parse_args().write:
        write()
        return 0
    wrong, sentence = compare()
    print("\n".join([*wrong[:20], sentence]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
