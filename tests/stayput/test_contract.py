from collections.abc import Callable

import pytest

from stayput.contract import check_condition, check_contract, check_fields, field_of, key_fields, require_same
from stayput.errors import StayputError
from stayput.normalise import FieldType
from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Key
from stayput.v1.errors_pb2 import ErrorReason

INVALID = ErrorReason.ERROR_REASON_FIELD_INVALID
PROFILE = ErrorReason.ERROR_REASON_PROFILE_MISMATCH
SUITE = ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED
SALT = ErrorReason.ERROR_REASON_SALT_MISMATCH
FIELDS = ErrorReason.ERROR_REASON_FIELDS_MISMATCH
Change = Callable[[Contract], object]


def contract() -> Contract:
    return Contract(
        resource="vehicles",
        profile="cn-gov/1",
        suite="keyed/1",
        salt=bytes(16),
        fields=[
            Field(name="resident_id", type="resident_id", title="身份证号"),
            Field(
                name="name", type="person_name", options=[FieldOption(name="separator_space", value="dot")]
            ),
            Field(name="plate", type="code", options=[FieldOption(name="case", value="upper")]),
        ],
        keys=[Key(name="resident_id", fields=["resident_id"]), Key(name="both", fields=["name", "plate"])],
        checks=[Check(name="name", fields=["name"]), Check(name="plate", fields=["plate"])],
    )


def changed(change: Change) -> Contract:
    other = contract()
    change(other)
    return other


def test_a_well_formed_contract_comes_back() -> None:
    whole = contract()
    assert check_contract(whole) is whole
    without_checks = changed(lambda c: c.ClearField("checks"))
    assert check_contract(without_checks) is without_checks


def test_a_check_is_either_a_condition_or_has_fields() -> None:
    asking = changed(lambda c: c.checks.add(name="costly", condition="price >= 100000"))
    assert check_contract(asking) is asking
    assert [check_condition(asking, check) for check in ("costly", "name")] == ["price >= 100000", ""]
    assert check_fields(asking, "costly") == []


def test_a_condition_is_not_looked_into() -> None:
    long = changed(lambda c: c.checks.add(name="costly", condition="价" * 2_000))
    assert check_contract(long) is long


def test_fields_come_in_the_order_in_which_they_are_hashed() -> None:
    assert [field.name for field in key_fields(contract(), "both")] == ["name", "plate"]
    reordered = changed(lambda c: c.keys.add(name="turned", fields=["plate", "name"]))
    assert [field.name for field in key_fields(reordered, "turned")] == ["plate", "name"]
    assert [field.type for field in check_fields(contract(), "plate")] == ["code"]


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (lambda c: c.ClearField("profile"), PROFILE, "profile"),
        (lambda c: setattr(c, "profile", "cn-gov/2"), PROFILE, "profile"),
        (lambda c: setattr(c, "suite", "keyed/2"), SUITE, "suite"),
        (lambda c: setattr(c, "resource", "Vehicles"), INVALID, "resource"),
        (lambda c: setattr(c, "resource", ""), INVALID, "resource"),
        (lambda c: setattr(c, "salt", bytes(15)), INVALID, "salt"),
        (lambda c: setattr(c, "salt", bytes(17)), INVALID, "salt"),
        (lambda c: c.ClearField("fields"), INVALID, "fields"),
        (lambda c: c.fields.extend(Field(name=f"f{n}", type="text") for n in range(62)), INVALID, "fields"),
        (lambda c: c.checks.extend(Check(name=f"c{n}") for n in range(31)), INVALID, "checks"),
        (lambda c: c.fields.add(name="name", type="text"), INVALID, "fields"),
        (lambda c: setattr(c.fields[0], "name", "Resident"), INVALID, "fields"),
        (lambda c: setattr(c.fields[0], "name", ""), INVALID, "fields"),
        (lambda c: setattr(c.fields[0], "name", "a" * 65), INVALID, "fields"),
        (lambda c: setattr(c.fields[0], "name", "身份证"), INVALID, "fields"),
        (lambda c: setattr(c.fields[0], "type", "ID"), INVALID, "fields.resident_id.type"),
        (lambda c: setattr(c.fields[0], "type", ""), INVALID, "fields.resident_id.type"),
        (lambda c: c.fields[0].options.add(name="case", value="upper"), INVALID, "fields.resident_id"),
        (lambda c: setattr(c.fields[2].options[0], "value", "title"), INVALID, "fields.plate"),
        (lambda c: c.fields[2].options.add(name="case", value="lower"), INVALID, "fields.plate"),
        (
            lambda c: c.fields[2].options.insert(0, FieldOption(name="drop", value="dot")),
            INVALID,
            "fields.plate",
        ),
        (lambda c: c.ClearField("keys"), INVALID, "keys"),
        (lambda c: c.keys.add(name="both", fields=["name"]), INVALID, "keys"),
        (lambda c: c.keys.add(name="x y", fields=["name"]), INVALID, "keys"),
        (lambda c: c.keys.add(name="none"), INVALID, "keys.none.fields"),
        (lambda c: c.keys.add(name="other", fields=["colour"]), INVALID, "keys.other.fields"),
        (lambda c: c.keys.add(name="twice", fields=["name", "name"]), INVALID, "keys.twice.fields"),
        (lambda c: c.checks.add(name="name", fields=["plate"]), INVALID, "checks"),
        (lambda c: c.checks.add(name="9", fields=["plate"]), INVALID, "checks"),
        (lambda c: c.checks.add(name="empty"), INVALID, "checks.empty.fields"),
        (lambda c: c.checks.add(name="other", fields=["plate", "colour"]), INVALID, "checks.other.fields"),
        (lambda c: setattr(c.checks[0], "condition", "price > 5"), INVALID, "checks.name.condition"),
        (lambda c: c.checks.add(name="long", condition="a" * 2_001), INVALID, "checks.long.condition"),
        (lambda c: c.checks.add(name="bell", condition="a = '\x07'"), INVALID, "checks.bell.condition"),
        (lambda c: c.checks.add(name="c1", condition="a = '\x9b'"), INVALID, "checks.c1.condition"),
    ],
)
def test_a_malformed_contract_is_refused(change: Change, reason: ErrorReason.ValueType, field: str) -> None:
    with pytest.raises(StayputError) as caught:
        check_contract(changed(change))
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_limits_are_inclusive() -> None:
    many = changed(lambda c: c.fields.extend(Field(name=f"f{n}", type="text") for n in range(61)))
    many.checks.extend(Check(name=f"c{n}", fields=["name"]) for n in range(30))
    many.fields[0].name = "a" * 64
    many.keys[0].fields[0] = "a" * 64
    assert check_contract(many)


def test_an_unknown_key_or_check_is_refused_with_those_there_are() -> None:
    with pytest.raises(StayputError) as caught:
        key_fields(contract(), "plate")
    assert (caught.value.field, caught.value.remedy) == ("key", "choose one of: resident_id, both")
    with pytest.raises(StayputError) as caught:
        check_fields(changed(lambda c: c.ClearField("checks")), "name")
    assert (caught.value.field, caught.value.remedy) == ("check", "choose one of: none")


def test_a_field_is_that_of_the_profile() -> None:
    field = field_of(contract().fields[1])
    assert (field.name, field.type, field.options) == (
        "name",
        FieldType.PERSON_NAME,
        (("separator_space", "dot"),),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda c: None,
        lambda c: setattr(c.fields[0], "title", "公民身份号码"),
        lambda c: setattr(c.fields[0], "title_en", "ID"),
        lambda c: c.fields.reverse(),
        lambda c: c.keys.reverse(),
        lambda c: c.checks.reverse(),
    ],
)
def test_titles_and_order_in_the_lists_are_no_difference(change: Change) -> None:
    require_same(contract(), changed(change))
    require_same(changed(change), contract())


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (lambda c: setattr(c, "profile", "cn-gov/0"), PROFILE, "profile"),
        (lambda c: setattr(c, "suite", "keyed/0"), SUITE, "suite"),
        (lambda c: setattr(c, "resource", "deaths"), FIELDS, "resource"),
        (lambda c: setattr(c, "salt", bytes(15) + b"\x01"), SALT, "salt"),
        (lambda c: c.ClearField("salt"), SALT, "salt"),
        (lambda c: setattr(c.fields[0], "type", "code"), FIELDS, "fields.resident_id"),
        (lambda c: setattr(c.fields[2].options[0], "value", "lower"), FIELDS, "fields.plate"),
        (lambda c: c.fields[1].ClearField("options"), FIELDS, "fields.name"),
        (lambda c: c.fields[2].options.add(name="drop", value="dot"), FIELDS, "fields.plate"),
        (lambda c: setattr(c.fields[1], "name", "full_name"), FIELDS, "fields.name"),
        (lambda c: c.fields.pop(0), FIELDS, "fields.resident_id"),
        (lambda c: c.fields.add(name="colour", type="text"), FIELDS, "fields.colour"),
        (lambda c: setattr(c.keys[0], "name", "id"), FIELDS, "keys.resident_id"),
        (lambda c: c.keys[1].fields.reverse(), FIELDS, "keys.both"),
        (lambda c: c.keys.pop(), FIELDS, "keys.both"),
        (lambda c: c.keys.add(name="plate", fields=["plate"]), FIELDS, "keys.plate"),
        (lambda c: c.checks[0].fields.append("plate"), FIELDS, "checks.name"),
        (lambda c: c.checks.pop(0), FIELDS, "checks.name"),
        (lambda c: c.checks.add(name="both", fields=["name", "plate"]), FIELDS, "checks.both"),
        (lambda c: c.checks.add(name="costly", condition="price > 5"), FIELDS, "checks.costly"),
        (lambda c: c.checks[0].MergeFrom(Check(condition="name")), FIELDS, "checks.name"),
    ],
)
def test_the_first_difference_is_named(change: Change, reason: ErrorReason.ValueType, field: str) -> None:
    with pytest.raises(StayputError) as caught:
        require_same(contract(), changed(change))
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.remedy


def test_another_condition_is_a_difference() -> None:
    def asking(condition: str) -> Contract:
        return changed(lambda c: c.checks.add(name="costly", condition=condition))

    require_same(asking("price > 5"), asking("price > 5"))
    with pytest.raises(StayputError) as caught:
        require_same(asking("price > 5"), asking("price > 50"))
    assert (caught.value.reason, caught.value.field) == (FIELDS, "checks.costly")
    assert caught.value.details == {"expected": "condition price > 5", "got": "condition price > 50"}


def test_of_a_long_condition_the_beginning_is_told() -> None:
    # An error has to fit into the trailers of a call.
    same = "价 in (1, 2) or " * 120
    with pytest.raises(StayputError) as caught:
        require_same(
            Contract(checks=[Check(name="costly", condition=same + "a = 1")]),
            Contract(checks=[Check(name="costly", condition=same + "a = 2")]),
        )
    assert caught.value.field == "checks.costly"
    assert max(map(len, caught.value.details.values())) == 200


def test_both_definitions_are_told_and_the_salt_is_not() -> None:
    with pytest.raises(StayputError) as caught:
        require_same(contract(), changed(lambda c: setattr(c.fields[2].options[0], "value", "lower")))
    assert caught.value.details == {"expected": 'code case="upper"', "got": 'code case="lower"'}
    with pytest.raises(StayputError) as caught:
        require_same(contract(), changed(lambda c: c.checks.pop()))
    assert caught.value.details == {"expected": "plate", "got": "absent"}
    with pytest.raises(StayputError) as caught:
        require_same(contract(), changed(lambda c: c.ClearField("salt")))
    assert not caught.value.details


def test_two_options_never_read_like_one() -> None:
    def words(*options: tuple[str, str]) -> Contract:
        described = [FieldOption(name=name, value=value) for name, value in options]
        return Contract(fields=[Field(name="active", type="boolean", options=described)])

    with pytest.raises(StayputError) as caught:
        require_same(words(("false", "no"), ("true", "yes")), words(("false", "no true=yes")))
    assert caught.value.field == "fields.active"


def test_what_a_consumer_sent_is_told_in_part_only() -> None:
    with pytest.raises(StayputError) as caught:
        require_same(contract(), changed(lambda c: c.fields.add(name="n" * 10_000, type="t" * 10_000)))
    assert len(caught.value.field) < 100
    assert len(caught.value.details["got"]) == 200
