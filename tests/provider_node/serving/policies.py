"""What is laid down for new grants, in tests."""

from collections.abc import Iterable

from provider_node.config import StandingPolicy
from provider_node.domain.policy import GrantPolicy
from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import Granularity, Mode


def policy(
    limits: Limits = DEFAULTS,
    *,
    agreement_required: bool = True,
    standing: StandingPolicy | None = None,
    modes: Iterable["Mode.ValueType"] = (Mode.MODE_KEYED,),
    granularities: Iterable["Granularity.ValueType"] = (Granularity.GRANULARITY_RECORD,),
) -> GrantPolicy:
    """For a resource that offers outcomes for each record in keyed mode, unless a test says otherwise."""
    return GrantPolicy(limits, agreement_required, standing, frozenset(modes), frozenset(granularities))
