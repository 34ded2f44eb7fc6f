"""Settings out of range, and the learning rate's way down."""

import math
from typing import Any

import pytest

from tf2c.errors import UserError
from tf2c.learning.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch", 0),
        ("learning_rate", 0.0),
        ("learning_rate", -0.1),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("momentum", 1.0),
        ("momentum", math.nan),
        ("weight_decay", -1.0),
        ("weight_decay", math.nan),
        ("seed", -1),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match="got"):
        Settings(**{name: value})


def test_the_rate_falls_to_nearly_nothing_in_each_round() -> None:
    settings = Settings(epochs=4, learning_rate=1.0)
    rates = [settings.rate_in(epoch) for epoch in range(4)]
    assert rates == pytest.approx([1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4])
    assert Settings(epochs=1, learning_rate=0.5).rate_in(0) == 0.5
