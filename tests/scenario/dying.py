"""A server that kills itself at a named point: `python dying.py POINT COMMAND ARGUMENTS...`.

Everything else is as the command by itself. The servers know nothing of these points: they are put in from
outside before the command begins. What a point does not concern is not imported.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _armed_by(owner: Any, name: str) -> list[str]:  # noqa: ANN401 (a class or a module)
    """Has something in it as soon as that was called."""
    calls: list[str] = []
    original = getattr(owner, name)

    def called(*arguments: object) -> object:
        calls.append(name)
        return original(*arguments)

    setattr(owner, name, called)
    return calls


def _node_before_commit(write: str) -> None:
    """What the state writes is in the transaction, and the transaction is not committed."""
    calls = _armed_by(resolve_name("provider_node.store.state:State"), write)
    writer = resolve_name("provider_node.store.writer:GroupWriter")
    attempt = writer._attempt

    def attempted(*arguments: object) -> object:
        done = attempt(*arguments)
        if calls:
            _die()
        return done

    writer._attempt = attempted


def _node_after_commit(write: str) -> None:
    """What the state writes is committed, and nobody has heard of it."""
    calls = _armed_by(resolve_name("provider_node.store.state:State"), write)
    writer = resolve_name("provider_node.store.writer")
    resolve = writer._resolve

    def resolved(*arguments: object) -> None:
        if calls:
            _die()
        resolve(*arguments)

    writer._resolve = resolved


def _node_before_delivery() -> None:
    """The receipt is about to be sent to the platform."""
    resolve_name("provider_node.domain.platform:Platform").append = _die


def _node_after_delivery() -> None:
    """The platform has confirmed the receipt, and the node has not noted so."""
    resolve_name("provider_node.store.state:State").set_delivered_through = _die


def _comparator_before_commit(owner: str, write: str) -> None:
    """What that writes is in the transaction, and the transaction is not committed."""
    calls = _armed_by(resolve_name(owner), write)
    listen, engine = resolve_name("sqlalchemy.event:listen"), resolve_name("sqlalchemy:Engine")
    listen(engine, "commit", lambda _: _die() if calls else None)


def _comparator_after_commit(owner: str, write: str) -> None:
    """What that writes is committed, and the node has no reply."""
    calls = _armed_by(resolve_name(owner), write)
    listen, session = resolve_name("sqlalchemy.event:listen"), resolve_name("sqlalchemy.orm:Session")
    listen(session, "after_commit", lambda _: _die() if calls else None)


_RECEIPT = ("comparator.store.log:Log", "append")
_EVENT = ("comparator.domain.grants", "record_change")
POINTS: dict[str, Callable[[], None]] = {
    "node: before an answer is committed": partial(_node_before_commit, "answer"),
    "node: after an answer is committed, before it is sent": partial(_node_after_commit, "answer"),
    "node: before the receipt is committed": partial(_node_before_commit, "finish"),
    "node: after the receipt is committed, before it is sent": partial(_node_after_commit, "finish"),
    "node: during delivery, before the receipt is sent": _node_before_delivery,
    "node: during delivery, after the platform has it": _node_after_delivery,
    "comparator: before a receipt is committed": partial(_comparator_before_commit, *_RECEIPT),
    "comparator: after a receipt is committed, before the reply": partial(
        _comparator_after_commit, *_RECEIPT
    ),
    "comparator: before an event is committed": partial(_comparator_before_commit, *_EVENT),
    "comparator: after an event is committed, before the reply": partial(_comparator_after_commit, *_EVENT),
}


if __name__ == "__main__":
    point, *sys.argv = sys.argv[1:]
    POINTS[point]()
    (command,) = entry_points(group="console_scripts", name=sys.argv[0])
    command.load()()
