"""What is left of a grant today."""

from datetime import datetime

from provider_node.store.grants import StoredGrant
from provider_node.store.state import State
from stayput.china_time import china_date, day_ends
from stayput.grants import effective_state
from stayput.limits import DEFAULTS, complete
from stayput.v1.comparison_pb2 import Allowance


def allowance(state: State, stored: StoredGrant, now: datetime) -> Allowance:
    """What is left of the grant's quota at `now`, and whether it may be used."""
    grant = stored.grant
    limits = complete(grant.limits, DEFAULTS)
    used = state.used(grant.id, china_date(now).isoformat())
    left = Allowance(
        grant_id=grant.id,
        state=effective_state(stored.standing),
        limits=limits,
        records_used_today=used,
        records_left_today=max(0, limits.records_per_day - used),
    )
    left.day_ends.FromDatetime(day_ends(now))
    return left
