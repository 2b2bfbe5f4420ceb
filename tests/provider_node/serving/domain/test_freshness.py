"""When data are older than their update frequency promises: by the same figures as the platform's."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from provider_node.config import ResourceConfig, UpdateFrequency
from provider_node.domain.freshness import stale
from stayput.freshness import is_stale
from stayput.v1 import catalogue_pb2

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
ALLOWED = {
    UpdateFrequency.REALTIME: timedelta(hours=12),
    UpdateFrequency.DAILY: timedelta(days=1),
    UpdateFrequency.WEEKLY: timedelta(days=7),
    UpdateFrequency.MONTHLY: timedelta(days=31),
    UpdateFrequency.QUARTERLY: timedelta(days=92),
    UpdateFrequency.YEARLY: timedelta(days=366),
}


def before(age: timedelta) -> Timestamp:
    as_of = Timestamp()
    as_of.FromDatetime(NOW - age)
    return as_of


@pytest.mark.parametrize(("frequency", "allowed"), ALLOWED.items())
def test_data_are_stale_when_they_are_older_than_promised(
    frequency: UpdateFrequency, allowed: timedelta
) -> None:
    resource = ResourceConfig.model_construct(update_frequency=frequency)
    assert not stale(resource, before(allowed), NOW)
    assert stale(resource, before(allowed + timedelta(seconds=1)), NOW)


def test_irregular_data_are_never_stale() -> None:
    resource = ResourceConfig.model_construct(update_frequency=UpdateFrequency.IRREGULAR)
    assert not stale(resource, before(timedelta(days=10_000)), NOW)
    unknown = catalogue_pb2.UpdateFrequency.UPDATE_FREQUENCY_UNSPECIFIED
    assert not is_stale(unknown, before(timedelta(days=10_000)), NOW)
