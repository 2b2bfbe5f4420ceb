"""Evaluating the elements of a source, on all cores, as far as the generation before did not."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.places import Place
from provider_node.domain.build.records import Elements, Records
from provider_node.domain.build.spool import Spool, distinct
from provider_node.store.evaluated import Evaluated, layout
from provider_node.store.index import TOKEN_BYTES
from stayput.v1.contract_pb2 import Granularity

# Texts are compared as a whole and so are tokens, as long as nobody takes them out of their array as texts.
_COMPARED: Final = f"S{TOKEN_BYTES}"
_OPAQUE: Final = f"V{TOKEN_BYTES}"
_SLICE: Final = 512
_MOST_SEEN: Final = 1 << 22

_Lookup = dict["Granularity.ValueType", list[bytes | None]]


@dataclass(frozen=True, slots=True)
class _Part:
    """For one granularity: what is known of each value, and what will be of the others, in their order."""

    known: list[bytes | None] = field(repr=False)
    coming: list[Future[list[bytes]]]

    def whole(self, alive: Callable[[], None]) -> list[bytes]:
        """The part of each value, once it has come."""
        fresh: list[bytes] = []
        for future in self.coming:
            fresh += future.result()
            alive()
        following = iter(fresh)
        return [next(following) if part is None else part for part in self.known]


@dataclass(frozen=True, slots=True)
class _Begun:
    """Distinct elements of a place whose evaluation has begun, and the parts of their values."""

    place: int
    tokens: npt.NDArray[np.bytes_]
    parts: list[_Part]


class Evaluation:
    """Evaluates batch after batch into two spools, of keys and of checks; a context manager.

    An element that comes again in a later batch is evaluated once, if it is among the first four million that
    were: these are remembered, in 16 bytes each.
    """

    def __init__(self, directory: Path, places: Sequence[Place], earlier: Evaluated | None) -> None:
        """Spools in two new directories in `directory`; takes over what `earlier` has."""
        self.places = places
        self._earlier = earlier
        granularities = places[0].layout
        self._keys = Spool(directory / "evaluated-keys", _record_type(layout(granularities, of_key=True)))
        self._checks = Spool(
            directory / "evaluated-checks", _record_type(layout(granularities, of_key=False))
        )
        self._seen = np.empty(0, _COMPARED)
        self._pool = ThreadPoolExecutor(os.cpu_count(), "evaluation")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._keys.__exit__(*exception)
        self._checks.__exit__(*exception)

    def add(self, batch: Iterable[Elements], alive: Callable[[], None]) -> None:
        """Evaluates a batch; calls `alive` now and then meanwhile."""
        # Nothing is read ahead: who normalises rows holds the interpreter's lock, and evaluating would wait.
        for begun in [self._begin(elements) for elements in batch]:
            self._spool(begun, alive)

    def parts(self) -> Iterator[tuple[Records, Records]]:
        """Distinct evaluated keys and checks by first byte of their tokens, sorted by token, in step."""
        for keys, checks in zip(self._keys.parts(), self._checks.parts(), strict=True):
            yield keys[distinct(keys)], checks[distinct(checks)]

    def _begin(self, elements: Elements) -> _Begun:
        place = self.places[elements.place]
        tokens, chosen = np.unique(np.ascontiguousarray(elements.tokens).view(_COMPARED), return_index=True)
        known = self._known(place, tokens)
        missing = np.array([None in parts for parts in zip(*known.values(), strict=True)], np.bool_)
        taken = np.flatnonzero(~missing | self._first_seen(tokens, missing))
        parts = []
        for granularity, values in known.items():
            wanted = taken[[values[at] is None for at in taken.tolist()]]
            encoded = elements.encoded(chosen[wanted])
            coming = [
                self._pool.submit(place.parts, granularity, encoded[start : start + _SLICE])
                for start in range(0, len(encoded), _SLICE)
            ]
            parts.append(_Part([values[at] for at in taken.tolist()], coming))
        return _Begun(elements.place, tokens[taken], parts)

    def _known(self, place: Place, tokens: npt.NDArray[np.bytes_]) -> _Lookup:
        """For each granularity and token what the generation before has."""
        unknown: list[bytes | None] = [None] * len(tokens)
        if self._earlier is None:
            return dict.fromkeys(place.layout, unknown)
        with self._earlier.index.reading() as value_of:
            values = list(map(value_of, tokens.view(_OPAQUE).tolist()))
        there = layout(self._earlier.granularities, of_key=place.is_key)
        return {
            granularity: [value and value[there[granularity]] for value in values]
            if granularity in there
            else unknown
            for granularity in place.layout
        }

    def _first_seen(
        self, tokens: npt.NDArray[np.bytes_], missing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Which of the missing no earlier batch had, as far as is remembered; remembers them."""
        unseen = missing.copy()
        if len(self._seen):
            places = np.minimum(np.searchsorted(self._seen, tokens), len(self._seen) - 1)
            unseen &= self._seen[places] != tokens
        if len(self._seen) < _MOST_SEEN:
            # A stable sort finds the two runs and merges them.
            self._seen = np.sort(np.concatenate([self._seen, tokens[unseen]]), kind="stable")
        return unseen

    def _spool(self, begun: _Begun, alive: Callable[[], None]) -> None:
        place = self.places[begun.place]
        parts = [part.whole(alive) for part in begun.parts]
        if len(begun.tokens):
            records = np.empty(len(begun.tokens), _record_type(place.layout))
            records["token"] = begun.tokens.view(_OPAQUE)
            records["place"] = begun.place
            values = b"".join(map(b"".join, zip(*parts, strict=True)))
            records["value"] = np.frombuffer(values, records.dtype["value"])
            (self._keys if place.is_key else self._checks).add(records)


def _record_type(parts: Mapping["Granularity.ValueType", slice]) -> np.dtype[np.void]:
    size = max(part.stop for part in parts.values())
    return np.dtype([("token", _OPAQUE), ("place", "<u2"), ("value", f"V{size}")])
