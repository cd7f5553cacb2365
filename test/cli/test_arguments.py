import pytest

from instructsam_ros.cli.arguments import positive_int, seed


@pytest.mark.parametrize(("kind", "lowest"), [(positive_int, 1), (seed, 0)])
def test_numbers_below_the_lowest_and_other_texts_are_refused(kind, lowest):
    assert kind(str(lowest)) == lowest
    for text in (str(lowest - 1), "1.5", "x", ""):
        with pytest.raises(ValueError, match=r"^$|invalid literal"):
            kind(text)
