"""One colour an assigner, for good."""

from analysis.colours import OURS, style_of


def test_every_assigner_has_its_own_colour_for_good():
    assert len({style_of(name).colour for name in OURS}) == len(OURS)
    assert len({(style_of(name).line, style_of(name).marker) for name in OURS}) == len(OURS)  # in grey print
    assert len({style_of(name).line for name in OURS}) == len({style_of(name).marker for name in OURS}) == len(OURS)
    assert style_of("mine") == style_of("mine")
    assert style_of("mine.py:Mine").colour not in OURS.values()
