"""The choice of layers with two terms, against trying all of them."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics.term_mixture import (
    LayerTerms,
    Mixture,
    best_two_term_layers,
    mean_terms,
    one_term_noise,
)

# Shares of a thousand, so that costs are exact.
networks = st.lists(
    st.tuples(st.integers(1, 200), st.floats(0, 1, allow_subnormal=False)), min_size=1, max_size=7
).map(
    lambda pairs: [
        LayerTerms(f"layer {index}", cost, noise) for index, (cost, noise) in enumerate(pairs)
    ]
)


@given(networks, st.integers(0, 10))
def test_no_other_choice_saves_more(layers: list[LayerTerms], tenths: int) -> None:
    filled = [*layers, LayerTerms("rest", 1000 - sum(each.multiplications for each in layers), 0)]
    if filled[-1].multiplications < 1:
        return
    budget = 1 + tenths / 10
    chosen = best_two_term_layers(filled, budget)
    assert mean_terms(filled, chosen) <= budget + 1e-9
    least = min(
        one_term_noise(filled, other)
        for other in product([False, True], repeat=len(filled))
        if mean_terms(filled, other) <= budget + 1e-9
    )
    assert one_term_noise(filled, chosen) <= least + 1e-9


def test_a_large_layer_is_taken_where_it_saves_more_than_the_small_ones() -> None:
    """By noise per multiplication it would come last and not fit any more."""
    layers = [LayerTerms("small", 100, 2.0), LayerTerms("large", 900, 10.0)]
    assert best_two_term_layers(layers, 1.9) == (False, True)
    assert best_two_term_layers(layers, 1.5) == (True, False)
    assert best_two_term_layers(layers, 2.0) == (True, True)


def test_the_curve_falls_from_one_term_to_two() -> None:
    layers = (LayerTerms("a", 1, 3.0), LayerTerms("b", 3, 2.0))
    curve = Mixture(layers, (False, True), 0.5).curve
    assert (curve[0].terms, curve[0].noise) == (1, 5.5)
    assert (curve[-1].terms, curve[-1].noise) == (2, 0.5)
    noises = [point.noise for point in curve]
    assert noises == sorted(noises, reverse=True)
