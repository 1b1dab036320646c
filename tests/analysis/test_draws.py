"""AP in each draw of the images: of which metrics and protocols, and a sentence where it is not known."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.draws import Draws
from analysis.matches import ap_of_draws, load_matches, of_threshold
from analysis.runs import read_runs
from experiments.records.schema import ProtocolRecord
from tests.synthetic import record, result, write_matches, write_run

OFFICIAL = ProtocolRecord(name="official", by_size=False, recall_points=0, score_steps=1000)


def only(runs):
    (run,) = read_runs(runs)
    return run


def test_single_thresholds_are_drawn_as_the_protocol_scores_them(tmp_path):
    folder = write_run(tmp_path, "a", record())
    ap, whole = write_matches(folder, 0.5), load_matches(folder.matches)
    at = {name: of_threshold(whole, iou) for name, iou in (("AP50", 0.5), ("AP75", 0.75))}
    once = np.ones((whole.images, 1), np.float32)
    figures = {name: float(ap_of_draws(matches, once, 101)[0]) for name, matches in at.items()}
    folder.write_result(result(ap, **figures))
    assert abs(figures["AP50"] - figures["AP75"]) > 0.01
    for name, figure in figures.items():
        drawn = Draws(400, 0).of(only(tmp_path), (name,))
        assert drawn.ap.mean() == pytest.approx(100 * figure, abs=2) and 0.5 < drawn.ap.std() < 10
        assert drawn.images == whole.images
    assert Draws(10, 0).of(only(tmp_path), ("APs",)) == "no resampling for APs"
    assert of_threshold(whole, 0.52) is None


def test_sizes_are_drawn_from_matches_of_their_own(tmp_path):
    folder = write_run(tmp_path, "a", record())
    small = write_matches(folder, 0.3)
    folder.matches.rename(folder.matches_by_size["APs"])
    folder.write_result(result(write_matches(folder, 0.6), APs=small, APm=small))
    drawn = Draws(400, 0).of(only(tmp_path), ("APs",))
    assert drawn.ap.mean() == pytest.approx(100 * small, abs=2) and drawn.ap.std() > 0.5
    assert Draws(10, 0).of(only(tmp_path), ("APm",)) == "no resampling for APm"


def test_the_official_protocol_is_resampled_too(tmp_path):
    folder = write_run(tmp_path, "a", replace(record(), protocol=OFFICIAL))
    write_matches(folder, 0.5)
    whole = load_matches(folder.matches)
    ap = float(ap_of_draws(whole, np.ones((whole.images, 1), np.float32), 0, 1000)[0])
    folder.write_result(result(ap))
    drawn = Draws(400, 0).of(only(tmp_path))
    assert drawn.ap.mean() == pytest.approx(100 * ap, abs=2) and drawn.ap.std() > 0.5


def test_matches_that_do_not_give_the_result_are_a_sentence(tmp_path):
    folder = write_run(tmp_path, "a", record())
    folder.write_result(result(write_matches(folder, 0.5) + 0.01))
    assert "the matches of a give AP" in Draws(10, 0).of(only(tmp_path))
