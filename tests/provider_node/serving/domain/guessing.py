"""A node that is killed between guesses at one subject's check.

`python -m tests.provider_node.serving.domain.guessing STATE ELSEWHERE GUESSES` answers so many guesses over
the state in STATE, makes what else a node needs in ELSEWHERE, and gets SIGKILL.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.provider_node.serving import register
from tests.provider_node.serving.county import compare, opened
from tests.provider_node.serving.node import Clock, grant, make_material
from tests.provider_node.serving.register import Person

ATTEMPTS = 3
SUBJECT = register.person(7)


def guess(number: int) -> Person:
    """The subject with a wrong name, another one for each number."""
    return Person(SUBJECT.owner_id, "李" + chr(0x4E00 + number), "")


async def main(state: str, elsewhere: str, guesses: str) -> None:
    """Never returns."""
    with opened(make_material(Path(elsewhere)), Path(state), Clock()) as node:
        given = grant()
        given.limits.attempts_per_subject = ATTEMPTS
        await node.give(given)
        for number in range(int(guesses)):
            await compare(node, [guess(number)], ("name",), [], 1)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
