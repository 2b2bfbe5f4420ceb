"""How the cost of an answer is settled, in the transaction that makes the answer durable."""

from functools import partial

import lmdb

from provider_node.domain.complete_list import CompleteList
from provider_node.domain.costs import Cost, CountedList, EvaluatedChunk, Records
from provider_node.store.evaluations import Evaluations, Holding
from provider_node.store.usage import Settle
from stayput.v1.log_pb2 import Receipt


def settle_of(cost: Cost, evaluations: Evaluations, listed: CompleteList | None, day: str) -> Settle:
    """Settles a cost on a day (ISO date). `listed` is the list of a `CountedList`, compared already."""
    if isinstance(cost, Records):
        return lambda _txn, _draft: cost.records
    if isinstance(cost, EvaluatedChunk):
        return partial(_evaluated, cost, evaluations, day)
    if isinstance(cost, CountedList) and listed is not None:
        return partial(_counted, cost.records, listed)
    return partial(_fetched, evaluations)


def holding(draft: Receipt) -> Holding:
    """For what a consumer holds evaluated elements, from the receipt of a session of it."""
    return Holding(draft.consumer, draft.resource, draft.key_epoch, draft.granularity)


def _evaluated(
    chunk: EvaluatedChunk, evaluations: Evaluations, day: str, txn: lmdb.Transaction, draft: Receipt
) -> int:
    if not chunk.elements:
        return 0
    if not evaluations.add_chunk(txn, draft.grant_id, day, chunk.name):
        draft.repeated_elements += chunk.elements
        return 0
    evaluations.add_held(txn, holding(draft), chunk.elements)
    return chunk.elements


def _counted(records: int, listed: CompleteList, txn: lmdb.Transaction, _draft: Receipt) -> int:
    listed.settle(txn)
    return records


def _fetched(evaluations: Evaluations, txn: lmdb.Transaction, draft: Receipt) -> int:
    of = holding(draft)
    draft.fetch.held_elements = evaluations.held(txn, of)
    if evaluations.add_fetched(txn, of, draft.generation):
        draft.fetch.charged_elements = draft.fetch.held_elements
    return draft.fetch.charged_elements
