"""Which keys there are of a purpose that can be rotated: `epochs.json` in the keys directory.

The first key of a purpose is in `<purpose>.key`, the one of epoch N in `<purpose>.N.key`; files are never
renamed. A new key is written before `epochs.json` names it, and an old one removed after it is named no more,
so that a crash leaves at most a file that nothing names. Without `epochs.json` every purpose has its first
key.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from provider_node.store.keystore import KeyStore
from provider_node.store.protection import damaged

EPOCHS_FILE: Final = "epochs.json"


class Purpose(StrEnum):
    """What a key that can be rotated is for."""

    INDEX = "index"
    SEALING = "sealing"
    OPRF = "oprf"


class KeyEntry(BaseModel):
    """One key: its epoch, when it was made and by whom (unset for the first), when another took its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epoch: Annotated[int, Field(ge=1)]
    made_at: AwareDatetime | None = None
    made_by: str = ""
    retired_at: AwareDatetime | None = None

    def file(self, purpose: Purpose) -> str:
        """Name of its file."""
        return f"{purpose}.key" if self.epoch == 1 else f"{purpose}.{self.epoch}.key"


class Epochs(BaseModel):
    """The keys of each purpose, the oldest first; exactly the last is not retired."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    keys: dict[Purpose, tuple[KeyEntry, ...]] = {}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for entries in self.keys.values():
            numbers = [entry.epoch for entry in entries]
            in_use = [entry.epoch for entry in entries if entry.retired_at is None]
            if numbers != sorted(set(numbers)) or not numbers or in_use != numbers[-1:]:
                raise ValueError("epochs must ascend, and the last one be in use")
        return self

    def of(self, purpose: Purpose) -> tuple[KeyEntry, ...]:
        """The keys of a purpose, the current one last."""
        return self.keys.get(purpose, (KeyEntry(epoch=1),))

    def rotated(self, purpose: Purpose, now: datetime, by: str) -> "Epochs":
        """With a new current key, made by an administrator."""
        *earlier, last = self.of(purpose)
        retired = last.model_copy(update={"retired_at": now})
        return self._with(
            purpose, (*earlier, retired, KeyEntry(epoch=last.epoch + 1, made_at=now, made_by=by))
        )

    def without(self, purpose: Purpose, epochs: set[int]) -> "Epochs":
        """Without retired keys of these epochs."""
        return self._with(purpose, tuple(one for one in self.of(purpose) if one.epoch not in epochs))

    def _with(self, purpose: Purpose, entries: tuple[KeyEntry, ...]) -> "Epochs":
        return Epochs(keys={**self.keys, purpose: entries})


def read_epochs(store: KeyStore) -> Epochs:
    """What the keys directory says. Raises `CONFIGURATION_INVALID` if it is damaged."""
    if not store.exists(EPOCHS_FILE):
        return Epochs()
    try:
        return Epochs.model_validate_json(store.read(EPOCHS_FILE))
    except ValidationError:
        raise damaged(EPOCHS_FILE) from None


def write_epochs(store: KeyStore, epochs: Epochs) -> None:
    """Makes it so."""
    store.write(EPOCHS_FILE, json.dumps(epochs.model_dump(mode="json", exclude_none=True), indent=2))
