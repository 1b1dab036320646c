"""Two processes, one of them without any object: gradients as of one process that saw both images."""

import copy

import pytest
import torch
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

import assigners
from assigners.interface import Objects
from detector.config import DetectorConfig
from detector.detector import Detector

CONFIG = DetectorConfig("mobilenet_v2", "none", "gn", 0, 16, 1, "native")


def model(name: str) -> Detector:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Detector(CONFIG, assigners.build(name, 3, CONFIG.channels))


def images() -> torch.Tensor:
    return torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def objects(image: int, count: int) -> Objects:
    boxes = torch.tensor([[4.0, 6.0, 40.0, 50.0], [20.0, 10.0, 60.0, 44.0]])[:count]
    nowhere = torch.zeros(0)
    of = torch.full((count,), image)
    return Objects(
        boxes=boxes,
        labels=torch.arange(count),
        image=of,
        ignore=nowhere.view(0, 4),
        ignore_image=nowhere.long(),
        images=image + 1,
    )


def gradients(net, batch: torch.Tensor, truth: Objects) -> dict[str, torch.Tensor]:
    terms, _ = net(batch, truth, 0.0)
    sum(terms.values()).backward()
    return {name.removeprefix("module."): p.grad for name, p in net.named_parameters()}


def process(rank: int, store: str, out: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=2)
    by_method = {}
    for name in assigners.available():
        net = DistributedDataParallel(model(name), broadcast_buffers=False)
        by_method[name] = gradients(net, images()[rank : rank + 1], objects(0, 2 * rank))
    if rank == 0:
        torch.save(by_method, out)
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def averaged(tmp_path_factory) -> dict[str, dict[str, torch.Tensor]]:
    """The gradients that the process without objects ends with."""
    folder = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(process, (str(folder / "store"), str(folder / "out.pt")), nprocs=2)
    return torch.load(folder / "out.pt", weights_only=True)


@pytest.mark.parametrize("name", assigners.available())
def test_a_process_without_objects_ends_with_the_same_gradients(averaged, name):
    alone = gradients(copy.deepcopy(model(name)), images(), objects(1, 2))
    assert averaged[name].keys() == alone.keys()
    for key, gradient in alone.items():
        torch.testing.assert_close(
            averaged[name][key], gradient, rtol=1e-3, atol=1e-5, msg=lambda m, key=key: f"{key} {m}"
        )
