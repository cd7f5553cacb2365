"""Three-valued logic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.scenes.instructions.three_valued_logic import both, either, negated

truths = st.sampled_from([0, 1, None])


@given(truths, truths)
def test_three_valued_logic_obeys_de_morgan(a: int | None, b: int | None) -> None:
    assert negated(both(a, b)) == either(negated(a), negated(b))
    assert both(a, a) == either(a, a) == a
