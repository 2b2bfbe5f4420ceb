"""Modes and granularities in words, and who learns what in them."""

from collections.abc import Iterable, Iterator
from typing import Final

from provider_node.cli.output import sentence, word
from stayput.v1.contract_pb2 import Granularity, Mode

_MODES: Final = {Mode.MODE_KEYED: "keyed", Mode.MODE_OBLIVIOUS: "oblivious"}
_GRANULARITIES: Final = {
    Granularity.GRANULARITY_RECORD: "each_record",
    Granularity.GRANULARITY_COUNT: "totals_only",
}
_LEARNS: Final = {
    "provider": "provider_learns",
    "consumer": "consumer_learns",
    "platform": "platform_learns",
}


def told_modes(modes: Iterable["Mode.ValueType"]) -> str:
    """The modes, by number if a later release knows more."""
    return ", ".join(word(_MODES[one]) if one in _MODES else str(one) for one in modes)


def told_granularities(granularities: Iterable["Granularity.ValueType"]) -> str:
    """The granularities, by number if a later release knows more."""
    return ", ".join(
        word(_GRANULARITIES[one]) if one in _GRANULARITIES else str(one) for one in granularities
    )


def told_leakage(mode: "Mode.ValueType", granularity: "Granularity.ValueType") -> Iterator[str]:
    """Who learns what, a line for each party; nothing for what is not known here."""
    from stayput.language import language_of
    from stayput.leakage import PARTIES, STATEMENTS

    if (mode, granularity) not in STATEMENTS:
        return
    statement, learned = STATEMENTS[mode, granularity]
    yield sentence(
        "leakage", mode=told_modes([mode]), granularity=told_granularities([granularity]), id=statement
    )
    for party, text in zip(PARTIES, learned, strict=True):
        yield sentence(_LEARNS[party], what=text.of(language_of()))
