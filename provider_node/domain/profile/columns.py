"""What is counted of one field, one key and one check while the rows pass."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from provider_node.config import FieldConfig
from provider_node.domain.profile.distinct import Distinct
from provider_node.domain.profile.frequencies import Frequencies
from provider_node.domain.profile.guessing import Guess, asked, guess
from provider_node.domain.profile.hashing import Hashes, Mask
from provider_node.domain.profile.model import CheckProfile, FieldProfile, KeyProfile
from provider_node.domain.profile.pairs import Pairs
from provider_node.domain.profile.repeats import Repeats
from provider_node.domain.profile.shapes import Shapes
from stayput.normalise import Reject

_REFUSED: Final = frozenset(Reject) - {Reject.MISSING}


class FieldColumn:
    """One field."""

    def __init__(self, name: str, config: FieldConfig) -> None:
        self._name = name
        self._config = config
        self._rejected: Counter[Reject] = Counter()
        self._lengths: list[int] = []
        self._shapes = Shapes(config.type)
        self._frequencies = Frequencies()
        self._distinct = Distinct()

    def add(self, texts: Sequence[str], column: Sequence[str | Reject], hashes: Hashes) -> None:
        """Adds some rows: their texts, what was made of each, and the hashes of those with a value."""
        self._frequencies.add(hashes)
        self._distinct.add(hashes)
        usable, refused = texts, list[str]()
        if len(hashes) < len(texts):
            self._rejected.update(value for value in column if isinstance(value, Reject))
            pairs = list(zip(texts, column, strict=True))
            usable = [text for text, value in pairs if isinstance(value, str)]
            refused = [text for text, value in pairs if value in _REFUSED]
        self._shapes.add(usable, refused)
        ends = [*self._lengths, *_ends(usable), *_ends(refused)]
        self._lengths = [min(ends), max(ends)] if ends else []

    def told(self) -> FieldProfile:
        """What was counted."""
        rows, distinct = self._frequencies.rows, self._frequencies.distinct()
        shortest, longest = self._lengths or (0, 0)
        return FieldProfile(
            name=self._name,
            type=self._config.type,
            column=self._config.column,
            title=self._config.title,
            present=rows,
            missing=self._rejected[Reject.MISSING],
            rejected={
                reason.value: count
                for reason, count in self._rejected.most_common()
                if reason is not Reject.MISSING
            },
            distinct=min(self._distinct.estimate(), rows) if distinct is None else distinct,
            distinct_exact=distinct is not None,
            shortest=shortest,
            longest=longest,
            top_share=round(self._frequencies.top_share(), 6),
            shapes=self._shapes.told(),
        )


def _ends(texts: Sequence[str]) -> list[int]:
    return [min(map(len, texts)), max(map(len, texts))] if texts else []


class KeyColumn:
    """One key."""

    def __init__(self, name: str, fields: Sequence[str]) -> None:
        self._name = name
        self.fields = tuple(fields)
        self._unusable = 0
        self.repeats = Repeats()

    def add(self, hashes: Hashes, usable: Mask) -> None:
        """Adds some rows: their hashes, and which of them are usable."""
        self.repeats.add(hashes[usable])
        self._unusable += len(usable) - int(np.count_nonzero(usable))

    def told(self) -> KeyProfile:
        """What was counted."""
        return KeyProfile(
            name=self._name,
            fields=self.fields,
            usable=self.repeats.rows,
            unusable=self._unusable,
            subjects=self.repeats.subjects(),
            repeating=self.repeats.repeating(),
            most_rows=self.repeats.most_rows(),
            exact=self.repeats.exact(),
        )


class CheckColumn:
    """One check of fields. `keys` are all keys of the resource."""

    def __init__(self, name: str, title: str, fields: Sequence[str], keys: Sequence[KeyColumn]) -> None:
        self._name = name
        self._title = title
        self.fields = tuple(fields)
        self._rows = 0
        self._distinct = Distinct()
        self._pairs = [(key, Pairs()) for key in keys]

    def add(self, hashes: Hashes, present: Mask, subjects: Sequence[tuple[Hashes, Mask]]) -> None:
        """Adds some rows: their hashes, which have a value, and the same of the subject by each key."""
        self._rows += int(np.count_nonzero(present))
        self._distinct.add(hashes[present])
        for (_, pairs), (keys, usable) in zip(self._pairs, subjects, strict=True):
            both = present & usable
            pairs.add(keys[both], hashes[both])

    def told(self, attempts: int) -> CheckProfile:
        """What was counted; by the key by which guessing is easiest."""
        guesses = [self._guess(key, pairs, attempts) for key, pairs in self._pairs]
        several, easiest = max(guesses, key=lambda one: one[1].probability)
        return CheckProfile(
            name=self._name,
            title=self._title,
            fields=self.fields,
            condition="",
            present=self._rows,
            met=0,
            values_per_subject=round(several, 2),
            guess=easiest,
        )

    def _guess(self, key: KeyColumn, pairs: Pairs, attempts: int) -> tuple[float, Guess]:
        """The average number of values of a subject of that key, and what a guesser achieves."""
        several = pairs.number() / max(1, key.repeats.subjects())
        counts = pairs.counts()
        distinct = len(counts) if pairs.exact() else max(len(counts), self._distinct.estimate())
        return several, guess(counts, distinct, several, attempts)


class ConditionColumn:
    """One check that is a condition."""

    def __init__(self, name: str, title: str, condition: str) -> None:
        self._name = name
        self._title = title
        self._condition = condition
        self._known = 0
        self._met = 0

    def add(self, known: Mask, met: Mask) -> None:
        """Adds some rows: of which it is known whether they meet the condition, and which do."""
        self._known += int(np.count_nonzero(known))
        self._met += int(np.count_nonzero(met))

    def told(self, attempts: int) -> CheckProfile:
        """What was counted."""
        return CheckProfile(
            name=self._name,
            title=self._title,
            fields=(),
            condition=self._condition,
            present=self._known,
            met=self._met,
            values_per_subject=1.0 if self._known else 0.0,
            guess=asked(self._met / self._known if self._known else 0.0, attempts),
        )
