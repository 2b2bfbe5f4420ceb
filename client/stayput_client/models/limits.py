"""How much a grant lets a department ask."""

from dataclasses import dataclass

from stayput.limits import is_complete
from stayput.v1 import access_pb2
from stayput_client.models.vocabulary import malformed


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a grant, as access.proto defines them; enforced by the node.

    0 means no limit for `attempts_per_subject` and `noise_budget_milli`, a detector that is off for
    `miss_permille` and `sequence_run`, and exact totals for `noise_epsilon_milli`.
    """

    records_per_session: int
    records_per_day: int
    sessions_per_minute: int
    attempts_per_subject: int
    miss_permille: int
    miss_sample: int
    sequence_run: int
    count_minimum: int
    noise_epsilon_milli: int
    noise_budget_milli: int


def limits(message: access_pb2.Limits, field: str) -> Limits:
    """Limits that a node states; `PROTOCOL_VIOLATION` if it leaves one out."""
    if not is_complete(message):
        raise malformed(field)
    return Limits(**{descriptor.name: value for descriptor, value in message.ListFields()})
