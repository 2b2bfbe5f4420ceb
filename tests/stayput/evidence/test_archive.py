"""An archive proves its range, or names what is wrong with it, and never takes more memory than one entry."""

import io
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.evidence import Part, Trust, verify_archive, write_archive
from stayput.merkle import Frontier
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import ArchiveHeader, LogEntry
from tests.stayput.evidence.made import NODE, MadeLog, filled, raw

LOG = filled(13)


def written(header: ArchiveHeader, entries: Iterable[LogEntry]) -> bytes:
    file = io.BytesIO()
    write_archive(file, header, entries)
    return file.getvalue()


def archive(first: int, end: int = 13) -> bytes:
    return written(LOG.header(first, end), LOG.entries[first:end])


def failed(data: bytes, trust: Trust | None = None) -> Part:
    with pytest.raises(StayputError) as caught:
        verify_archive(io.BytesIO(data), trust or LOG.trust)
    assert caught.value.reason == ErrorReason.ERROR_REASON_EVIDENCE_INVALID
    return Part(caught.value.field)


@pytest.mark.parametrize(("first", "end"), [(0, 1), (0, 13), (1, 13), (4, 9), (7, 8), (8, 13), (12, 13)])
def test_a_range_verifies_on_its_own(first: int, end: int) -> None:
    verified = verify_archive(io.BytesIO(archive(first, end)), LOG.trust)
    receipts = len(range(first + first % 2, end, 2))
    assert (verified.first, verified.end, verified.checkpoint.checkpoint.head) == (first, end, LOG.head(end))
    assert (verified.receipts, verified.statements, verified.events) == (
        receipts,
        receipts,
        end - first - receipts,
    )
    assert (verified.without_payload, verified.removed, verified.without_key) == (0, (), 0)
    assert len(verified.checkpoint.cosignatures) == 2


def test_more_leaves_than_are_appended_at_once() -> None:
    log = MadeLog()
    for _ in range(2_500):
        log.event()
    data = written(log.header(100), log.entries[100:])
    assert verify_archive(io.BytesIO(data), log.trust).events == 2_400


def test_removed_payloads_are_reported_and_their_leaves_still_proven() -> None:
    entries = [
        LogEntry(leaf=entry.leaf) if place in (2, 3, 4, 9) else entry
        for place, entry in enumerate(LOG.entries)
    ]
    verified = verify_archive(io.BytesIO(written(LOG.header(0), entries)), LOG.trust)
    assert (verified.without_payload, verified.removed) == (4, (range(2, 5), range(9, 10)))
    assert (verified.receipts, verified.events) == (5, 4)


def test_receipts_of_unknown_nodes_are_counted() -> None:
    nobody = replace(LOG.trust, nodes={}, consumers={})
    verified = verify_archive(io.BytesIO(archive(0)), nobody)
    assert (verified.receipts, verified.without_key, verified.unknown_nodes) == (7, 7, (NODE,))
    assert verified.statements == 0
    wrong = replace(LOG.trust, nodes={NODE: (raw(LOG.consumer_key),)})
    assert failed(archive(0), wrong) is Part.RECEIPT_SIGNATURE


@given(st.data())
def test_one_changed_byte_is_found_wherever_it_is(data: st.DataObject) -> None:
    whole = archive(4, 9)
    at, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    failed(whole[:at] + bytes([whole[at] ^ byte]) + whole[at + 1 :])


@given(st.integers(0, len(archive(4, 9)) - 1))
def test_a_file_that_is_cut_off_is_found(size: int) -> None:
    assert failed(archive(4, 9)[:size]) is Part.FILE


def test_what_follows_the_end_is_found() -> None:
    assert failed(archive(4) + b"\0") is Part.FILE


@given(st.permutations(range(4, 13)))
def test_another_order_is_found(order: list[int]) -> None:
    data = written(LOG.header(4), [LOG.entries[place] for place in order])
    if order == sorted(order):
        verify_archive(io.BytesIO(data), LOG.trust)
    else:
        assert failed(data) is Part.PLACE


def test_an_entry_that_was_left_out_or_put_in_is_found() -> None:
    twice = [*LOG.entries[:4], LOG.entries[3], *LOG.entries[5:]]
    assert failed(written(LOG.header(0), twice)) is Part.PLACE
    other = filled(13)
    another = [*LOG.entries[:4], other.entries[4], *LOG.entries[5:]]
    both = replace(
        LOG.trust,
        nodes={NODE: (raw(LOG.node_key), raw(other.node_key))},
        consumers={},
    )
    assert failed(written(LOG.header(0), another), both) is Part.LEAVES


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"format": "stayput/v2/log-archive"}, Part.HEADER),
        ({"first": 5}, Part.HEADER),
        ({"first": 4}, Part.PLACE),
        ({"first": -1}, Part.HEADER),
        ({"first": 13}, Part.HEADER),
        ({"end": 12}, Part.HEADER),
        ({"end": 14}, Part.HEADER),
        ({"peaks": [bytes(32)]}, Part.LEAVES),
        ({"peaks": []}, Part.HEADER),
        ({"peaks": [bytes(31)]}, Part.HEADER),
        ({"checkpoint": LOG.checkpoint(12)}, Part.HEADER),
        ({"checkpoint": LOG.checkpoint(by=[])}, Part.WITNESSES),
        ({"checkpoint": MadeLog().checkpoint()}, Part.CHECKPOINT),
    ],
)
def test_a_header_that_does_not_fit_is_found(changes: dict[str, Any], part: Part) -> None:
    header = LOG.header(8)
    values = {name: getattr(header, name) for name in ("format", "first", "end", "peaks", "checkpoint")}
    spoilt = ArchiveHeader(**{**values, **changes})
    size = len(header.SerializeToString())
    data = spoilt.SerializeToString(deterministic=True)
    assert failed(len(data).to_bytes(4, "big") + data + archive(8)[4 + size :]) is part


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry + b"\x7a\x00",  # a field that nobody knows
        lambda entry: entry + entry,
        lambda entry: entry[:-1],
    ],
)
def test_an_entry_has_one_form(spoil: Callable[[bytes], bytes]) -> None:
    header = LOG.header(12).SerializeToString(deterministic=True)
    entry = spoil(LOG.entries[12].SerializeToString(deterministic=True))
    data = b"".join(len(one).to_bytes(4, "big") + one for one in (header, entry))
    assert failed(data) is Part.FILE


def test_a_length_beyond_all_bounds_takes_no_memory() -> None:
    size = len(LOG.header(4).SerializeToString())
    for length in (b"\xff\xff\xff\xff", b"\x00\x40\x00\x01"):
        assert failed(length + bytes(10)) is Part.FILE
        assert failed(archive(4)[: 4 + size] + length) is Part.FILE


def test_memory_does_not_grow_with_the_file() -> None:
    log = MadeLog()
    for _ in range(6_000):
        log.event(detail="x" * 2_000)
    data = written(log.header(0), log.entries)
    file = io.BytesIO(data)
    tracemalloc.start()
    verify_archive(file, log.trust)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data) > 12_000_000
    assert peak < 1_000_000


def test_removed_ranges_beyond_the_first_thousand_are_only_counted() -> None:
    log = MadeLog()
    for _ in range(2_100):
        log.event()
    entries = [LogEntry(leaf=entry.leaf) if place % 2 else entry for place, entry in enumerate(log.entries)]
    verified = verify_archive(io.BytesIO(written(log.header(0), entries)), log.trust)
    assert (verified.without_payload, len(verified.removed)) == (1_050, 1_000)


def test_a_writer_that_has_not_as_many_entries_as_its_header_says_is_stopped() -> None:
    for entries in (LOG.entries[4:12], LOG.entries[3:13], []):
        with pytest.raises(ValueError, match="an entry for each place"):
            write_archive(io.BytesIO(), LOG.header(4), entries)
    with pytest.raises(ValueError, match="too long"):
        write_archive(io.BytesIO(), LOG.header(4), [LogEntry(payload=bytes(5 << 20))])


def test_peaks_are_those_of_the_tree_before_the_range() -> None:
    assert list(LOG.header(12).peaks) == list(Frontier.load(12, LOG.fetch).peaks)
