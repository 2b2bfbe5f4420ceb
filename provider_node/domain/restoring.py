"""A node made again of its backup."""

import shutil
from pathlib import Path

from provider_node.config import NodeConfig, load_node
from provider_node.domain.backup import CONFIG, DATA, RESOURCES, SERVING, opened_keys
from provider_node.domain.key_set import KeySet, check_empty, unfinished_beside
from provider_node.store import archive
from provider_node.store.archive import Contents
from provider_node.store.directory import ResourceDirectory
from provider_node.store.files import sync_directory, write_durably
from provider_node.store.keystore import KeyStore, keys_directory
from provider_node.store.protection import Unlocker
from stayput.errors import field_invalid


def restore(source: Path, directory: Path, unlocker: Unlocker) -> tuple[Contents, NodeConfig]:
    """Makes a node in `directory`; what it was made of, and its configuration. Absolute paths there hold.

    All of the backup is verified before anything is written, and node.toml comes last: without it nothing was
    restored. What a killed process left beside data and resources is removed by the next; nobody else may do
    this meanwhile. Raises `CONFIGURATION_INVALID` if the backup is damaged or does not open, or data or
    resources of a node are in the way.
    """
    contents = archive.verified(source)
    keys = opened_keys(contents, unlocker)
    if (directory / CONFIG).exists():
        raise field_invalid("directory", "a node.toml is there already", "choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f"{CONFIG}.restored"
    write_durably(unfinished, archive.read(source, CONFIG))
    made: dict[Path, Path] = {}
    try:
        config = load_node(unfinished)
        places = {DATA: config.node.data, RESOURCES: config.node.resources}
        for place in places.values():
            check_empty(place)
        for prefix, place in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            made[place] = unfinished_beside(place)
            archive.extract(source, prefix, made[place])
        _finish(made[config.node.data], KeyStore.of(config), keys)
        for place, content in made.items():
            content.rename(place)
            sync_directory(place.parent)
        unfinished.rename(directory / CONFIG)
        sync_directory(directory)
    finally:
        unfinished.unlink(missing_ok=True)
        for content in made.values():
            shutil.rmtree(content, ignore_errors=True)
    return contents, load_node(directory / CONFIG)


def _finish(data: Path, store: KeyStore, keys: KeySet) -> None:
    """The keys, and the links to the generations of which there is all."""
    keys.put(store.moved(keys_directory(data)))
    for path in (data / "resources").glob(f"*/{SERVING}"):
        ResourceDirectory(data, path.parent.name).switch(path.read_text("ascii"))
        path.unlink()
