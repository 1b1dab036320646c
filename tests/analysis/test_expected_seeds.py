"""Seeds that are expected, against printed sample sizes."""

from dataclasses import replace

from analysis.expected_seeds import MOST, Need, expected_seeds, settled

KNOWN = Need(variance=1.0, freedom=1e6, seeds=3, level=0.05)  # noise as good as known


def test_seeds_are_those_of_a_z_interval_where_the_noise_is_known():
    assert KNOWN.within(1.0) == 4  # (1.96 / 1)^2 = 3.84
    assert KNOWN.within(0.5) == 16  # 15.4
    assert KNOWN.within(0.0) is None and KNOWN.within(-1.0) is None
    assert KNOWN.within(0.05) is None and MOST < (1.96 / 0.05) ** 2


def test_the_seeds_of_each_verdict_follow_from_what_it_supposes():
    plain = expected_seeds(KNOWN, published=0.5, margin=1.0, minor=False)
    assert (plain.confirmed, plain.contradicted, plain.equivalent) == (16, 4, 4)
    minor = expected_seeds(KNOWN, published=0.5, margin=1.0, minor=True)
    assert (minor.confirmed, minor.contradicted) == (16, 4)  # 0.5 is left to the margin


def test_the_nearer_way_out_settles_a_claim():
    assert settled(KNOWN, 0.5, 0.6, minor=False) == 16
    assert settled(KNOWN, 0.1, 0.6, minor=False) == 16  # equivalent
    assert settled(KNOWN, 1.1, 0.6, minor=True) == 16
    assert settled(KNOWN, 0.6, 0.6, minor=True) is None


def test_no_number_of_seeds_settles_what_the_images_leave_open():
    noisy = replace(KNOWN, images=0.25, images_freedom=1e6)  # 1.96 * 0.5 = 0.98
    assert noisy.within(0.97) is None and noisy.within(1.25) == 7  # 3.84 / (1.5625 - 0.9604) = 6.4
