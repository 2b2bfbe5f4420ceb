import pytest

from stayput import limits
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason


def test_every_limit_has_a_range_and_a_default_within_it() -> None:
    assert set(limits.RANGES) == {field.name for field in Limits.DESCRIPTOR.fields}
    assert limits.is_complete(limits.checked(limits.DEFAULTS))


@pytest.mark.parametrize("name", limits.RANGES)
def test_a_limit_is_permitted_up_to_its_ends_and_not_beyond(name: str) -> None:
    permitted = limits.RANGES[name]
    for value in (permitted.least, permitted.most):
        limits.checked(Limits(**{name: value}))
    for value in (permitted.least - 1 or -1, permitted.most + 1, -1, *(() if permitted.off else (0,))):
        with pytest.raises(StayputError) as caught:
            limits.checked(Limits(**{name: value}))
        assert caught.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID
        assert caught.value.field == f"limits.{name}"
        assert f"{permitted.least:,} to {permitted.most:,}" in caught.value.message


@pytest.mark.parametrize("name", [name for name, each in limits.RANGES.items() if each.off])
def test_what_can_be_switched_off_is_off_at_0(name: str) -> None:
    limits.checked(Limits(**{name: 0}))


def test_what_is_not_set_comes_from_the_defaults() -> None:
    whole = limits.complete(Limits(records_per_day=7, sequence_run=0), limits.DEFAULTS)
    assert (whole.records_per_day, whole.sequence_run) == (7, 0)
    assert whole.miss_permille == limits.DEFAULTS.miss_permille
    assert limits.is_complete(whole)
    assert not limits.is_complete(Limits(records_per_day=7))
