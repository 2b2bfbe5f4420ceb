"""What a source holds, told before it is published: counts, shares and shapes, and never a value."""

from provider_node.domain.profile.document import document
from provider_node.domain.profile.guessing import BOUND, Guess
from provider_node.domain.profile.hashing import KEY_BYTES
from provider_node.domain.profile.model import (
    VERSION,
    CheckProfile,
    FieldProfile,
    Finding,
    Freshness,
    KeyProfile,
    Kind,
    Level,
    Profile,
)
from provider_node.domain.profile.profiler import Run, Step, profile
from provider_node.domain.profile.shapes import Shape

__all__ = [
    "BOUND",
    "KEY_BYTES",
    "VERSION",
    "CheckProfile",
    "FieldProfile",
    "Finding",
    "Freshness",
    "Guess",
    "KeyProfile",
    "Kind",
    "Level",
    "Profile",
    "Run",
    "Shape",
    "Step",
    "document",
    "profile",
]
