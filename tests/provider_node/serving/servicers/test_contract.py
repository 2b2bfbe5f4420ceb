"""A consumer that hashed by another contract gets an error that names the difference, never outcomes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Key
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request, refused
from tests.provider_node.serving.node import LocalNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(20)]


def _salt(contract: Contract) -> None:
    contract.salt = bytes(reversed(contract.salt))


def _no_salt(contract: Contract) -> None:
    contract.ClearField("salt")


def _profile(contract: Contract) -> None:
    contract.profile = "cn-gov/2"


def _suite(contract: Contract) -> None:
    contract.suite = "keyed/2"


def _type(contract: Contract) -> None:
    contract.fields[1].type = "text"


def _option(contract: Contract) -> None:
    contract.fields[2].options.append(FieldOption(name="case", value="upper"))


def _field_more(contract: Contract) -> None:
    contract.fields.append(Field(name="mobile", type="mobile"))


def _field_less(contract: Contract) -> None:
    del contract.fields[2]


def _key_fields(contract: Contract) -> None:
    contract.keys[0].fields.append("name")


def _key_more(contract: Contract) -> None:
    contract.keys.append(Key(name="by_plate", fields=["plate"]))


def _check_fields(contract: Contract) -> None:
    contract.checks[0].fields[0] = "plate"


def _check_less(contract: Contract) -> None:
    del contract.checks[1]


def _check_more(contract: Contract) -> None:
    contract.checks.append(Check(name="both", fields=["name", "plate"]))


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (_profile, "PROFILE_MISMATCH", "profile"),
        (_suite, "SUITE_UNSUPPORTED", "suite"),
        (_salt, "SALT_MISMATCH", "salt"),
        (_no_salt, "SALT_MISMATCH", "salt"),
        (_type, "FIELDS_MISMATCH", "fields.name"),
        (_option, "FIELDS_MISMATCH", "fields.plate"),
        (_field_more, "FIELDS_MISMATCH", "fields.mobile"),
        (_field_less, "FIELDS_MISMATCH", "fields.plate"),
        (_key_fields, "FIELDS_MISMATCH", "keys.owner"),
        (_key_more, "FIELDS_MISMATCH", "keys.by_plate"),
        (_check_fields, "FIELDS_MISMATCH", "checks.name"),
        (_check_less, "FIELDS_MISMATCH", "checks.plate"),
        (_check_more, "FIELDS_MISMATCH", "checks.both"),
    ],
)
async def test_another_contract_is_an_error_that_names_the_difference(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    change: Callable[[Contract], None],
    reason: str,
    field: str,
) -> None:
    asking = node.asking()
    request = call_request(asking, PEOPLE)
    change(request.open.contract)
    with refused(reason, field):
        await consumer.CompareRecords(request)
    assert (node.receipts(), node.sessions.open_count) == ([], 0)


async def test_titles_may_differ(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    request = call_request(node.asking(), PEOPLE)
    for field in request.open.contract.fields:
        field.ClearField("title")
    await consumer.CompareRecords(request)
    assert node.receipts()[0].records == 20
