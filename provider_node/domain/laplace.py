"""Discrete Laplace noise, drawn exactly: whole numbers and fractions only.

The value x has the probability (e^(1/b) - 1) / (e^(1/b) + 1) * e^(-|x|/b) at scale b. With floating-point
numbers the low bits of a noisy value give away what was there before the noise (I. Mironov, On Significance
of the Least Significant Bits For Differential Privacy, CCS 2012).

Source: C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential Privacy, NeurIPS 2020,
algorithms 1 and 2.
"""

from collections.abc import Callable
from fractions import Fraction

RandBelow = Callable[[int], int]
"""A number drawn evenly from 0 up to, but not including, its argument, as `secrets.randbelow` does."""


def discrete_laplace(scale: Fraction, randbelow: RandBelow) -> int:
    """One value at that scale, which is above 0."""
    while True:
        magnitude = _geometric(scale, randbelow)
        negative = randbelow(2) == 1
        # Else 0 would come twice as often as it should.
        if magnitude or not negative:
            return -magnitude if negative else magnitude


def _geometric(scale: Fraction, randbelow: RandBelow) -> int:
    """A number from 0 on, x with a probability proportional to e^(-x/scale)."""
    whole, parts = scale.numerator, scale.denominator
    rest = randbelow(whole)
    while not _with_exp_of_minus(Fraction(rest, whole), randbelow):
        rest = randbelow(whole)
    wholes = 0
    while _with_exp_of_minus(Fraction(1), randbelow):
        wholes += 1
    return (wholes * whole + rest) // parts


def _with_exp_of_minus(power: Fraction, randbelow: RandBelow) -> bool:
    """True with the probability e^(-power); the power is 0 to 1."""
    draws = 1
    while randbelow(power.denominator * draws) < power.numerator:
        draws += 1
    return draws % 2 == 1
