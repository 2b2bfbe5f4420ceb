"""What an answer costs its grant, as data: an account settles it, wherever the answer was made."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from provider_node.domain.guards import Observation


@dataclass(frozen=True, slots=True)
class Records:
    """So many records."""

    records: int


@dataclass(frozen=True, slots=True)
class EvaluatedChunk:
    """So many elements, in a chunk of that name (16 bytes): the same chunk is paid for once a day."""

    name: bytes
    elements: int


@dataclass(frozen=True, slots=True)
class CountedList:
    """The totals of a list of so many records; `names` stand for the different ones among them."""

    records: int
    names: npt.NDArray[np.uint64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FetchedFingerprints:
    """Fingerprints of the generation that the receipt names: for who fetches it first, all elements held."""


Cost = Records | EvaluatedChunk | CountedList | FetchedFingerprints


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as its account has to know it, before it may be sent.

    The day of `begun_at` is charged. `observed` is what the guards see of it, None where there is nothing
    that they could look at.
    """

    cost: Cost
    begun_at: datetime
    observed: Observation | None = None
