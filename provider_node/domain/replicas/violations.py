"""What a replica of the same release never does."""

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


def violation(field: str, problem: str) -> StayputError:
    """`PROTOCOL_VIOLATION` naming a field: node and replica are not of one release."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        f"{field}: {problem}",
        field=field,
        remedy="use the same release at node and replica",
    )
