"""Who learns what from a comparison, as the provider's node states it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stayput import leakage
from stayput.language import Text
from stayput.v1 import contract_pb2
from stayput_client.models.vocabulary import Granularity, Mode


@dataclass(frozen=True, slots=True)
class Leakage:
    """What each party learns in a mode and a granularity; `learned` by party: provider, consumer, platform.

    `id` is what receipts repeat, for example `keyed-record/1`.
    """

    id: str
    mode: Mode
    granularity: Granularity
    learned: Mapping[str, Text]


def leakages(
    stated: Iterable[contract_pb2.Leakage], modes: Iterable[Mode], granularities: Iterable[Granularity]
) -> tuple[Leakage, ...]:
    """What is stated for each mode in each granularity; in this release's words where nothing is."""
    by_place = {(one.mode, one.granularity): one for one in stated}

    def found(mode: Mode, granularity: Granularity) -> Leakage:
        message = by_place.get((mode.value, granularity.value)) or leakage.leakage(
            mode.value, granularity.value
        )
        learned = {line.party: Text(en=line.en, zh=line.zh) for line in message.lines}
        return Leakage(message.id, mode, granularity, learned)

    return tuple(found(mode, granularity) for mode in modes for granularity in granularities)
