"""Running what takes long so that Ctrl-C ends it at once, also when nothing else happens."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import asyncio

_T = TypeVar("_T")
_WAKE_SECONDS: Final = 0.5


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """As `asyncio.run`.

    A signal that arrives in the instant before the event loop goes to sleep is handled when the loop wakes
    up, and nothing may wake it while the other party is silent: so it is woken now and then.
    """
    import asyncio

    async def awake() -> _T:
        _wake(asyncio.get_running_loop())
        return await work

    return asyncio.run(awake())


def _wake(loop: "asyncio.AbstractEventLoop") -> None:
    loop.call_later(_WAKE_SECONDS, _wake, loop)
