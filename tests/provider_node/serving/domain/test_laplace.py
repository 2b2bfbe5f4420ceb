"""Discrete Laplace noise against its probabilities."""

import math
import random
from collections import Counter
from fractions import Fraction

import pytest

from provider_node.domain.laplace import discrete_laplace

DRAWS = 20_000


def probability(value: int, scale: Fraction) -> float:
    step = math.exp(-1 / scale)
    return (1 - step) / (1 + step) * math.exp(-abs(value) / scale)


@pytest.mark.parametrize("scale", [Fraction(2, 3), Fraction(6), Fraction(40, 3)], ids=str)
def test_values_come_as_often_as_they_must(scale: Fraction) -> None:
    rng = random.Random(20_261_122)
    drawn = Counter(discrete_laplace(scale, rng.randrange) for _ in range(DRAWS))
    # Pearson's test over the values that are expected at least 20 times, all others in one class.
    expected = {value: DRAWS * probability(value, scale) for value in range(-200, 201)}
    frequent = {value: count for value, count in expected.items() if count >= 20}
    classes = [(drawn[value], count) for value, count in frequent.items()]
    seen, due = (sum(column) for column in zip(*classes, strict=True))
    classes.append((DRAWS - seen, DRAWS - due))
    statistic = sum((count - due) ** 2 / due for count, due in classes)
    freedom = len(classes) - 1
    # Five standard deviations above what is to be expected of it.
    assert statistic < freedom + 5 * math.sqrt(2 * freedom)


def test_it_is_symmetric_and_as_wide_as_its_scale() -> None:
    scale = Fraction(30)
    rng = random.Random(7)
    drawn = [discrete_laplace(scale, rng.randrange) for _ in range(DRAWS)]
    step = math.exp(-1 / scale)
    variance = 2 * step / (1 - step) ** 2
    deviation = math.sqrt(variance / DRAWS)
    assert abs(sum(drawn) / DRAWS) < 5 * deviation
    # The kurtosis of a Laplace distribution is 6, so that of the mean square is five times its square.
    mean_square = sum(value**2 for value in drawn) / DRAWS
    assert abs(mean_square - variance) < 5 * variance * math.sqrt(5 / DRAWS)
    assert abs(sum(value > 0 for value in drawn) - sum(value < 0 for value in drawn)) < 5 * math.sqrt(DRAWS)
