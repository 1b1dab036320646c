"""The processes of a run, from the inside."""

import pytest
import torch

from experiments.runtime.errors import UserError
from experiments.runtime.processes import announced, join_processes

WHOLE = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.fixture
def environment(monkeypatch):
    """Sets what a job system says, and nothing else."""

    def say(**values: str) -> None:
        for name in WHOLE:
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return say


def test_errors_of_other_kinds_are_not_hidden():
    with pytest.raises(RuntimeError, match="of ours"), join_processes():
        raise RuntimeError("a fault of ours")


@pytest.mark.parametrize(
    "said", [{}, {"WORLD_SIZE": ""}, {"WORLD_SIZE": "1"}, {"WORLD_SIZE": " ", "RANK": "", "LOCAL_RANK": ""}]
)
def test_nothing_or_an_empty_word_is_one_process(environment, said):
    environment(**said)
    with join_processes() as world:
        assert (world.rank, world.size) == (0, 1) and world.device.type == (
            "cuda" if torch.cuda.is_available() else "cpu"
        )


@pytest.mark.parametrize("name", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
@pytest.mark.parametrize("value", [None, ""])
def test_half_of_it_is_an_error_that_names_what_lacks(environment, name, value):
    environment(**{key: text for key, text in WHOLE.items() if key != name} | ({} if value is None else {name: value}))
    with pytest.raises(UserError, match=f"WORLD_SIZE=2 and lacks {name}"):
        announced()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_PORT"])
@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "²", "9" * 20, "9" * 5000])
def test_what_is_no_number_is_an_error_that_names_it(environment, name, value):
    environment(**WHOLE | {name: value})
    with pytest.raises(UserError, match=f"{name}={value}"):
        announced()


def test_a_rank_past_the_end_is_an_error_and_the_whole_of_it_is_taken(environment):
    environment(**WHOLE)
    assert (announced().size, announced().local) == (2, 1)
    environment(**WHOLE | {"RANK": "2"})
    with pytest.raises(UserError, match="RANK=2"):
        announced()
