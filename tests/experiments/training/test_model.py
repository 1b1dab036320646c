"""The detector of a recipe where its weights cannot be had."""

import pytest

from tests.tiny_runs import words


@pytest.mark.parametrize("content", [b"", b"abc", b"PK\x03\x04zzzz", None])
def test_weights_that_are_not_there_or_damaged_are_a_sentence_that_says_where_they_come_from(
    command, tmp_path, monkeypatch, content
):
    """No content: no file, and no network: an address that nobody serves."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "resnet18-f37072fd.pth").write_bytes(content)
    resnet = ("model.backbone=resnet18", "model.width=1", "model.weights=imagenet", "model.norm=frozen_bn")
    code, _, err = command(*words(tmp_path / "runs", overrides=resnet))
    sentence = err.splitlines()[-1]
    assert code == 2 and sentence.startswith("error: No ImageNet weights of resnet18: "), err
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in sentence and str(folder) in sentence
    assert ("no network" if content is None else "does not load") in sentence and "model.weights=none" in sentence
