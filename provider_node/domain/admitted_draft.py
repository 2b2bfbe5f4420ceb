"""What the receipt of a session says from its admission on: who asked for what, under which terms."""

from provider_node.domain.access import Admission
from provider_node.domain.identity import NodeNames
from stayput.leakage import IDS
from stayput.limits import DEFAULTS, complete
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt


def admitted_draft(asked: SessionOpen, admission: Admission, names: NodeNames) -> Receipt:
    """The draft but for the session's id, the generation and the times.

    There is such a mode and granularity, and the contract asked for is that of what serves.
    """
    grant, ticket = admission.grant, admission.ticket
    draft = Receipt(
        grant_id=grant.id,
        ticket_id=ticket.id,
        consumer=grant.consumer,
        operator=ticket.operator,
        purpose=ticket.purpose,
        case_number=ticket.case_number,
        provider=names.department,
        node_id=names.node_id,
        resource=asked.contract.resource,
        mode=asked.mode,
        granularity=asked.granularity,
        key=asked.key,
        checks=asked.checks,
        profile=asked.contract.profile,
        suite=asked.contract.suite,
        software_version=names.software_version,
        leakage=IDS[asked.mode, asked.granularity],
    )
    if asked.mode == Mode.MODE_OBLIVIOUS:
        draft.oblivious_suite, draft.key_epoch = asked.oblivious_suite, asked.key_epoch
    elif asked.granularity == Granularity.GRANULARITY_COUNT:
        limits = complete(grant.limits, DEFAULTS)
        draft.count_minimum, draft.noise_epsilon_milli = limits.count_minimum, limits.noise_epsilon_milli
    return draft
