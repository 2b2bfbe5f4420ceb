"""The normalisation profile `cn-gov/1`: text in, canonical text or a reason out.

Pure and total: the result depends on the field, the text and (for birth years only) the day, and every text
has one. Both sides of a comparison must compute the same, so docs/normalisation.md is the specification and
tests/vectors/normalise.json its test; a change of any result is a new profile.
"""

from stayput.normalise.field import OPTIONS, Field, FieldError, FieldType
from stayput.normalise.profile import PROFILE, Normaliser, normaliser
from stayput.normalise.reject import Reject

__all__ = ["OPTIONS", "PROFILE", "Field", "FieldError", "FieldType", "Normaliser", "Reject", "normaliser"]
