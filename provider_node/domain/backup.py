"""Backup of a node into one file, also while it runs.

Saved are node.toml, the resource files, the keys under a passphrase of the backup's own, grants and receipts
as of one moment, salts and definitions: what cannot be made again. Of the serving generations the manifests
are, and the whole only if that is asked for: indexes are built again.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import lmdb

from provider_node.config import load_node
from provider_node.domain.key_set import KeySet
from provider_node.store import archive
from provider_node.store.archive import Archive, Contents
from provider_node.store.directory import MANIFEST, ResourceDirectory
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import DataKey, Unlocker, unusable
from provider_node.store.receipt_log import MAP_BYTES, MAX_DATABASES

CONFIG: Final = "node.toml"
DATA: Final = "data/"
RESOURCES: Final = "resources/"
SERVING: Final = "serving"
"""File of a resource that names the generation of which there is all."""
# What is saved otherwise, belongs to a process, or is made anew.
_NOT_AS_IT_IS: Final = frozenset({"keys", "state", "run"})
_NOT_OF_A_RESOURCE: Final = frozenset({"generations", "lock", "current"})


def back_up(
    config_path: Path, target: Path, unlocker: Unlocker, now: datetime, *, with_indexes: bool = False
) -> Contents:
    """Writes a backup of the node configured in `config_path`; what is in it.

    Raises `CONFIGURATION_INVALID` if the target is there already, or something of the node is damaged.
    """
    unlocker.check_strong()
    config = load_node(config_path)
    keys = KeySet.of(KeyStore.of(config))
    with archive.writing(target) as made:
        made.add(CONFIG, config_path)
        for path in sorted(config.node.resources.glob("*.toml")):
            made.add(RESOURCES + path.name, path)
        _add_state(made, config.node.data / "state", target.absolute().parent)
        for path in sorted((config.node.data / "resources").glob("*/")):
            _add_serving(made, config.node.data, path.name, with_indexes=with_indexes)
        _add_others(made, config.node.data)
        contents = Contents(
            node=config.node.id,
            department=config.node.department,
            made_at=now,
            software_version=version("stayput"),
            files=made.files,
        )
        made.finish(contents.model_copy(update={"keys": _sealed(keys, unlocker, contents.bound())}))
    return contents


def opened_keys(contents: Contents, unlocker: Unlocker) -> KeySet:
    """The keys in a backup. `CONFIGURATION_INVALID` if they do not open, or are of other files than these."""
    try:
        data_key = DataKey.unwrapped(contents.keys["kek"], unlocker, "the backup")
        return KeySet.unsealed(data_key.key, bytes.fromhex(contents.keys["content"]), contents.bound())
    except (KeyError, ValueError):
        raise unusable(
            "the backup", "is damaged, or was changed", "use another copy of it", field="file"
        ) from None


def _sealed(keys: KeySet, unlocker: Unlocker, bound: bytes) -> dict[str, str]:
    data_key = DataKey.generate()
    return {"kek": data_key.wrapped(unlocker), "content": keys.sealed(data_key.key, bound).hex()}


def _add_state(made: Archive, state: Path, room: Path) -> None:
    """Grants and receipts, as of one moment: a node that runs goes on writing."""
    if not (state / "data.mdb").exists():
        return
    with tempfile.TemporaryDirectory(dir=room, prefix=".stayput-") as copied:
        try:
            with lmdb.open(str(state), readonly=True, map_size=MAP_BYTES, max_dbs=MAX_DATABASES) as env:
                env.copy(copied, compact=True)
        except lmdb.Error:
            raise unusable(
                f"{state}", "cannot be copied: it is damaged or the disk is full", "see docs/keys.md"
            ) from None
        made.add(f"{DATA}state/data.mdb", Path(copied) / "data.mdb")


def _add_serving(made: Archive, data: Path, code: str, *, with_indexes: bool) -> None:
    directory = ResourceDirectory(data, code)
    place = f"{DATA}resources/{code}/"
    while (generation := directory.current()) is not None:
        path = directory.generation(generation)
        with ExitStack() as held:
            try:
                # Once open, they can be read even if a build removes them.
                files = {
                    one: held.enter_context(one.open("rb"))
                    for one in sorted(path.rglob("*"))
                    if one.is_file()
                }
                manifest = files[path / MANIFEST]
            except (FileNotFoundError, KeyError):
                if directory.current() == generation:
                    raise unusable(
                        code,
                        "a file of the serving generation is missing",
                        "build it again",
                        field="resource",
                    ) from None
                continue
            if not with_indexes:
                made.add_open(f"{place}manifests/{generation}.json", manifest)
                return
            for one, file in files.items():
                made.add_open(f"{place}generations/{generation}/{one.relative_to(path).as_posix()}", file)
            made.add_text(place + SERVING, generation)
            return


def _add_others(made: Archive, data: Path) -> None:
    for path in _others(data):
        name = DATA + path.relative_to(data).as_posix()
        if name in made.files:
            continue
        try:
            made.add(name, path)
        except FileNotFoundError:
            # Gone since it was listed, as what is only there for a moment goes.
            continue


def _others(data: Path) -> Iterator[Path]:
    """Regular files of the data directory that are saved as they are."""
    for place, directories, names in os.walk(data):
        depth = len(Path(place).relative_to(data).parts)
        left_out = _NOT_AS_IT_IS if depth == 0 else frozenset()
        if Path(place).parent == data / "resources":
            left_out = _NOT_OF_A_RESOURCE
        directories[:] = sorted(set(directories) - left_out)
        for name in sorted(set(names) - left_out - {"lock"}):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path
