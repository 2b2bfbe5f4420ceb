"""Searching the node's own receipts, and taking them out."""

from datetime import timedelta

import pytest

from provider_node.domain import receipt_log
from provider_node.domain.receipt_log import envelopes, search
from provider_node.store.receipt_log import ReceiptLog
from stayput import receipts
from stayput.receipts import from_file, to_line
from stayput.v1.admin_pb2 import ListReceiptsRequest, ListReceiptsResponse
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import kept, register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NOW, LocalNode

CUT = SessionEnd.SESSION_END_CUT_BY_NODE


@pytest.fixture
async def log(bare_node: LocalNode) -> ReceiptLog:
    """Receipts 1 to 5 of complete sessions, of which two are delivered, and 6 of one that was cut."""
    await kept.keep(bare_node, 5)
    await bare_node.state.cut(kept.draft(6, CUT), bare_node.material.identity.sign_receipt)
    await bare_node.state.set_delivered_through(2)
    return bare_node.state.receipt_log


def numbers(page: ListReceiptsResponse) -> list[int]:
    return [one.sequence for one in page.receipts]


def asked(**fields: object) -> ListReceiptsRequest:
    return ListReceiptsRequest(**fields)  # type: ignore[arg-type]  # as a caller would name them


def between(first: float, last: float) -> ListReceiptsRequest:
    """Made from minute `first` on, before minute `last`."""
    request = ListReceiptsRequest()
    request.from_time.FromDatetime(NOW + timedelta(minutes=first))
    request.until_time.FromDatetime(NOW + timedelta(minutes=last))
    return request


def test_the_newest_come_first_with_what_they_say(log: ReceiptLog, bare_node: LocalNode) -> None:
    page = search(log, ListReceiptsRequest())
    assert numbers(page) == [6, 5, 4, 3, 2, 1]
    assert [one.receipt for one in reversed(page.receipts)] == bare_node.receipts()
    assert [one.delivered for one in page.receipts] == [False, False, False, False, True, True]
    assert page.next_page_token == ""


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked(operator="li.na"), [5, 3, 1]),
        (asked(operator="li.n"), []),
        (asked(case_number="低保〔2026〕4号"), [4]),
        (asked(consumer=CONSUMER.id, resource=register.CODE, grant_id=GRANT_ID), [6, 5, 4, 3, 2, 1]),
        (asked(consumer="tax"), []),
        (asked(grant_id="G-2"), []),
        (asked(resource="marriages"), []),
        (asked(end=CUT), [6]),
        (asked(end=SessionEnd.SESSION_END_COMPLETE, operator="wang.wei"), [4, 2]),
        (asked(least_records=8), [6, 5, 4]),
        (between(2, 4), [3, 2]),
        (between(2.01, 4.01), [4, 3]),
        (between(7, 9), []),
    ],
)
def test_what_is_asked_for_is_found(
    log: ReceiptLog, request_: ListReceiptsRequest, expected: list[int]
) -> None:
    assert numbers(search(log, request_)) == expected


@pytest.mark.parametrize("looked_at", [1, 2, 3, 100])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_pages_together_are_everything_once(
    log: ReceiptLog, monkeypatch: pytest.MonkeyPatch, size: int, looked_at: int
) -> None:
    monkeypatch.setattr(receipt_log, "_LOOKED_AT", looked_at)
    request = ListReceiptsRequest(page_size=size, operator="li.na")
    found: list[int] = []
    while True:
        page = search(log, request)
        assert len(page.receipts) <= size
        found += numbers(page)
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert found == [5, 3, 1]


async def test_a_damaged_receipt_is_in_every_answer(log: ReceiptLog, bare_node: LocalNode) -> None:
    await kept.put(bare_node.state, 4, b"\xff")
    page = search(log, ListReceiptsRequest(operator="li.na"))
    assert [(one.sequence, one.HasField("receipt")) for one in page.receipts] == [
        (5, True), (4, False), (3, True), (1, True)
    ]  # fmt: skip
    with refused("RECEIPT_INVALID"):
        list(envelopes(log, ListReceiptsRequest()))


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("page_size", asked(page_size=-1)),
        ("page_size", asked(page_size=1_001)),
        ("least_records", asked(least_records=-1)),
        ("page_token", asked(page_token="x")),
        ("page_token", asked(page_token="-1")),
        ("page_token", asked(page_token="²")),
        ("page_token", asked(page_token="9" * 19)),
        ("page_token", asked(page_token="9" * 5_000)),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    log: ReceiptLog, field: str, request_: ListReceiptsRequest
) -> None:
    with refused("FIELD_INVALID", field):
        search(log, request_)


def test_what_is_taken_out_is_in_order_and_verifies(log: ReceiptLog, bare_node: LocalNode) -> None:
    lines = [to_line(envelope) for envelope in envelopes(log, ListReceiptsRequest())]
    assert all("\n" not in line for line in lines)
    key = bare_node.material.verification_key
    assert [receipts.verify(from_file(line), key) for line in lines] == bare_node.receipts()


def test_a_range_is_taken_out(log: ReceiptLog) -> None:
    def taken(request: ListReceiptsRequest, *span: int) -> list[int]:
        return [kept.receipt_of(one.SerializeToString()).sequence for one in envelopes(log, request, *span)]

    assert taken(ListReceiptsRequest(), 2, 4) == [2, 3, 4]
    assert taken(ListReceiptsRequest(), 5) == [5, 6]
    assert taken(ListReceiptsRequest(), 7) == []
    assert taken(between(2, 5), 3) == [3, 4]
