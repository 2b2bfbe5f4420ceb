"""What a node serves sessions with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from provider_node.domain.by_record import Matcher
from provider_node.domain.evaluating import Evaluator
from stayput.v1.contract_pb2 import Contract, Granularity, ObliviousOffer


@dataclass(frozen=True, slots=True)
class Serving:
    """The generation that answers a session.

    `granularities` are those offered, in each mode; `offer` is set exactly if oblivious mode is. `evaluator`
    takes key, checks and granularity, and raises `FIELD_INVALID` if they are not in the offer.
    """

    generation: str
    as_of: datetime
    contract: Contract
    granularities: Sequence["Granularity.ValueType"]
    offer: ObliviousOffer | None
    matcher: Callable[[str, Sequence[str]], Matcher]
    evaluator: Callable[[str, Sequence[str], "Granularity.ValueType"], Evaluator]
