"""Backup of a node into one file, also while it runs.

Saved are node.toml, the resource files, the keys under a passphrase of the backup's own, grants and receipts
as of one moment, salts and definitions: what cannot be made again. Of the serving generations the manifests
are, and the whole only if that is asked for: indexes are built again. Whatever is not known to be a node's
is left out and told, because it might be keys in the clear.
"""

import os
import re
import tempfile
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
from provider_node.store.directory import GENERATION, MANIFEST, ResourceDirectory
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import DataKey, Unlocker, unusable
from provider_node.store.receipt_log import MAP_BYTES, MAX_DATABASES
from provider_node.store.replicas import REPLICAS_FILE
from stayput.delimited.faults import printable_name
from stayput.identity import CODE

CONFIG: Final = "node.toml"
DATA: Final = "data/"
RESOURCES: Final = "resources/"
SERVING: Final = "serving"
"""File of a resource that names the generation of which there is all."""
_RESOURCE: Final = f"resources/{CODE.pattern}"
_DEFINITION: Final = f"definitions/{CODE.pattern}"
# Names below the data directory.
_AS_IT_IS: Final = re.compile(
    rf"{re.escape(REPLICAS_FILE)}"
    rf"|{_DEFINITION}/(\d{{4,9}}\.(toml|json)|pending\.json)"
    rf"|{_RESOURCE}/(salt|manifests/{GENERATION.pattern}\.json)"
)
_ENTERED: Final = re.compile(rf"definitions|resources|{_DEFINITION}|{_RESOURCE}(/manifests)?")
# What is saved otherwise, belongs to a process, or is made anew.
_NOT_AS_IT_IS: Final = re.compile(rf"keys|state|run|definitions/lock|{_RESOURCE}/(lock|current|generations)")
# Names below a generation's directory.
_OF_A_GENERATION: Final = re.compile(
    r"manifest\.json|quarantine\.csv|held|index(-\d{2,})?\.mdb|evaluations\.mdb|fingerprints/\d+"
)


def back_up(
    config_path: Path, target: Path, unlocker: Unlocker, now: datetime, *, with_indexes: bool = False
) -> tuple[Contents, list[Path]]:
    """Writes a backup of the node configured in `config_path`; what is in it, and what was left out.

    Left out are files and directories under the data directory that no node is known to have.

    Raises `CONFIGURATION_INVALID` if the target is there already, or something of the node is damaged.
    """
    unlocker.check_strong()
    config = load_node(config_path)
    keys = KeySet.of(KeyStore.of(config))
    known, left_out = _looked_through(config.node.data)
    with archive.writing(target) as made:
        made.add(CONFIG, config_path)
        for path in sorted(config.node.resources.glob("*.toml")):
            # A name that is no UTF-8 could not be listed: nothing would be restored.
            made.add(RESOURCES + printable_name(path.name), path)
        _add_state(made, config.node.data / "state", target.absolute().parent)
        for path in sorted((config.node.data / "resources").glob("*/")):
            if CODE.fullmatch(path.name):
                left_out += _add_serving(made, config.node.data, path.name, with_indexes=with_indexes)
        _add_known(made, config.node.data, known)
        contents = Contents(
            node=config.node.id,
            department=config.node.department,
            made_at=now,
            software_version=version("stayput"),
            files=made.files,
        )
        made.finish(contents.model_copy(update={"keys": _sealed(keys, unlocker, contents.bound())}))
    return contents, left_out


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


def _add_serving(made: Archive, data: Path, code: str, *, with_indexes: bool) -> list[Path]:
    """The manifest of what serves, or all of it; what was left out."""
    directory = ResourceDirectory(data, code)
    place = f"{DATA}resources/{code}/"
    while (generation := directory.current()) is not None:
        path = directory.generation(generation)
        known, unknown = _files_of(path)
        with ExitStack() as held:
            try:
                # Once open, they can be read even if a build removes them.
                files = {one: held.enter_context(one.open("rb")) for one in known}
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
                return []
            for one, file in files.items():
                made.add_open(f"{place}generations/{generation}/{one.relative_to(path).as_posix()}", file)
            made.add_text(place + SERVING, generation)
            return unknown
    return []


def _files_of(generation: Path) -> tuple[list[Path], list[Path]]:
    """The files of a generation's directory: those that every generation has, and others."""
    known: list[Path] = []
    unknown: list[Path] = []
    for path in sorted(generation.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        of_it = _OF_A_GENERATION.fullmatch(path.relative_to(generation).as_posix())
        (known if of_it and _is_a_file(path) else unknown).append(path)
    return known, unknown


def _add_known(made: Archive, data: Path, known: list[Path]) -> None:
    for path in known:
        name = DATA + path.relative_to(data).as_posix()
        if name in made.files:
            continue
        try:
            made.add(name, path)
        except FileNotFoundError:
            # Gone since it was listed, as what is only there for a moment goes.
            continue


def _looked_through(data: Path) -> tuple[list[Path], list[Path]]:
    """Files of the data directory that are saved as they are, and what nobody knows."""
    known: list[Path] = []
    unknown: list[Path] = []
    directories = [data]
    for directory in directories:
        for path in sorted(directory.iterdir()):
            name = path.relative_to(data).as_posix()
            if _AS_IT_IS.fullmatch(name) and _is_a_file(path):
                known.append(path)
            elif _ENTERED.fullmatch(name) and path.is_dir():
                directories.append(path)
            elif not _NOT_AS_IT_IS.fullmatch(name) and os.path.lexists(path):
                unknown.append(path)
    return known, unknown


def _is_a_file(path: Path) -> bool:
    """Not a link, which may lead to keys."""
    return path.is_file() and not path.is_symlink()
