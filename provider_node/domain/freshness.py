"""Whether what serves is as fresh as the resource's declared update frequency promises."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from provider_node.config import ResourceConfig
from stayput.freshness import is_stale
from stayput.v1.catalogue_pb2 import UpdateFrequency


def stale(resource: ResourceConfig, as_of: Timestamp, now: datetime) -> bool:
    """Whether data as of that time are older at `now` than promised; the same as the catalogue says."""
    frequency = UpdateFrequency.Value(f"UPDATE_FREQUENCY_{resource.update_frequency.upper()}")
    return is_stale(frequency, as_of, now)
