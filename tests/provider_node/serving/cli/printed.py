"""What a command printed, and applications for it to print."""

from stayput.v1.access_pb2 import Application, DecisionClock, DecisionUrgency
from tests.provider_node.serving.node import application_of
from tests.provider_node.serving.processes import Ran

ENGLISH, CHINESE = "C.UTF-8", "zh_CN.UTF-8"


def lines(ran: Ran) -> list[str]:
    """The lines of a command that went well."""
    assert (ran.code, ran.stderr.replace("\n", "")) == (0, "")
    return ran.stdout.splitlines()


def cells(ran: Ran) -> list[list[str]]:
    """The rows of a printed table."""
    rows = [line.strip("│┃").split("│" if "│" in line else "┃") for line in lines(ran) if line[:1] in "│┃"]
    return [[cell.strip() for cell in row] for row in rows]


def applied(number: int) -> Application:
    """An application as the platform has it."""
    asked = application_of(f"A-{number}")
    asked.purpose = "核对[/bold]\x1b[31m"
    asked.matter = "最低生活保障　审核确认"
    asked.decision_clock.CopyFrom(
        DecisionClock(
            due_date="2026-11-27",
            working_days_left=1,
            urgency=DecisionUrgency.DECISION_URGENCY_REMINDER,
        )
    )
    return asked
