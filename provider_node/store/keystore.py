"""The files of the keys directory: mode 0600 in a directory of mode 0700, secret ones encrypted if wanted.

Whatever ends in `.key` is secret. Encrypted, it is JSON that names the data key (see `protection`) and holds
the content under AES-256-GCM, bound to the file's purpose and name, so that one file put in the place of
another does not open. Plain and encrypted files may lie side by side: a conversion that was interrupted is
simply run again. A file is written beside its place, made durable and renamed: a crash leaves the old one or
the new one.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provider_node.config import NodeConfig
from provider_node.store.files import sync_directory, write_durably
from provider_node.store.protection import (
    FORMAT,
    NONCE_BYTES,
    OTHERS,
    DataKey,
    Unlocker,
    damaged,
    unlocker_of,
    unusable,
)

KEK_FILE: Final = "kek.json"
KEY_SUFFIX: Final = ".key"
_KIND: Final = "stayput encrypted key file"


def keys_directory(data: Path) -> Path:
    """Where a node keeps its keys, under its data directory."""
    return data / "keys"


class KeyStore:
    """Reads and writes the files by name. What unlocks them is asked for when it is first needed."""

    def __init__(self, directory: Path, unlocker: Callable[[], Unlocker | None] = lambda: None) -> None:
        """`unlocker` returns what new files are encrypted with; `None` for files that are not."""
        self.directory = directory
        self._unlocker = unlocker
        self._data_key: DataKey | None = None

    @classmethod
    def of(cls, config: NodeConfig) -> "KeyStore":
        """As node.toml has it."""
        return cls(keys_directory(config.node.data), lambda: unlocker_of(config.keys))

    def moved(self, directory: Path) -> "KeyStore":
        """One of the same protection for another directory."""
        return KeyStore(directory, self._unlocker)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.directory / name).exists()

    def names(self) -> list[str]:
        """All files but `kek.json`, sorted."""
        return sorted(
            path.name for path in self.directory.glob("[!.]*") if path.is_file() and path.name != KEK_FILE
        )

    def plain(self) -> list[str]:
        """The secret files that are not encrypted."""
        return [
            name for name in self.names() if name.endswith(KEY_SUFFIX) and not _encrypted(self._text(name))
        ]

    def read(self, name: str) -> str:
        """The content. Raises `CONFIGURATION_INVALID`, never with anything of it."""
        text = self._text(name)
        return self._opened(name, text) if name.endswith(KEY_SUFFIX) and _encrypted(text) else text

    def write(self, name: str, text: str) -> None:
        """Puts it in the place of what was there; encrypted, if the name is a secret's and a way is set."""
        self._written(name, self._sealed(name, text)).replace(self.directory / name)
        sync_directory(self.directory)

    def write_first(self, name: str, text: str) -> None:
        """As `write`, unless another process has written it in the meantime."""
        self._link(name, self._sealed(name, text))

    def remove(self, names: Iterable[str]) -> None:
        """Removes files, if they are there."""
        for name in names:
            (self.directory / name).unlink(missing_ok=True)
        sync_directory(self.directory)

    def encrypt(self) -> list[str]:
        """Encrypts the secret files that are plain; returns which. Can be repeated after a crash."""
        if self._unlocker() is None:
            raise unusable(
                "node.toml",
                "names nothing that shall open the key files",
                "set `passphrase_file`, `passphrase_env` or `key_file` in `[keys]`",
                field="keys",
            )
        names = self.plain()
        for name in names:
            self.write(name, self.read(name))
        self._clear()
        return names

    def decrypt(self) -> list[str]:
        """Writes all secret files plain; returns which were not. Can be repeated after a crash."""
        plain = set(self.plain())
        names = [name for name in self.names() if name.endswith(KEY_SUFFIX) and name not in plain]
        for name in names:
            self._written(name, self.read(name)).replace(self.directory / name)
        sync_directory(self.directory)
        self.remove([KEK_FILE])
        self._data_key = None
        return names

    def change_unlocker(self, new: Unlocker) -> None:
        """From now on `new` opens the files, and what did so until now does not.

        Raises `CONFIGURATION_INVALID` if they are not encrypted, or do not open by what is set now.
        """
        new.check_strong()
        if not self.exists(KEK_FILE):
            raise unusable("the keys", "are not encrypted", "run `provider-node keys encrypt`", field="keys")
        self.write(KEK_FILE, self._key().wrapped(new))

    def _text(self, name: str) -> str:
        path = self.directory / name
        try:
            if path.stat().st_mode & OTHERS:
                raise unusable(f"keys/{name}", "can be read by others than its owner", "set its mode to 0600")
            return path.read_text("ascii")
        except FileNotFoundError:
            raise unusable(
                f"keys/{name}",
                "is missing",
                "run `provider-node init`, or restore the node's keys from a backup",
            ) from None
        except UnicodeDecodeError:
            raise damaged(name) from None

    def _opened(self, name: str, text: str) -> str:
        try:
            match json.loads(text):
                case {"format": 1, "kind": str(kind), "key": str(key), "nonce": str(nonce),
                      "content": str(content)} if kind == _KIND:  # fmt: skip
                    data_key = self._key(name)
                    if key != data_key.id:
                        raise unusable(
                            f"keys/{name}",
                            "is encrypted under another keys/kek.json",
                            "restore the keys directory as a whole",
                        )
                    opened = AESGCM(data_key.key).decrypt(
                        bytes.fromhex(nonce), bytes.fromhex(content), _bound(name)
                    )
                    return opened.decode("ascii")
        except InvalidTag:
            raise unusable(
                f"keys/{name}",
                "does not open: it is damaged, or another file in its place",
                "restore the node's keys from a backup",
            ) from None
        except (ValueError, RecursionError):
            pass
        raise damaged(name)

    def _sealed(self, name: str, text: str) -> str:
        if not name.endswith(KEY_SUFFIX) or (self._data_key is None and self._unlocker() is None):
            return text
        data_key, nonce = self._key(), secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(data_key.key).encrypt(nonce, text.encode("ascii"), _bound(name))
        return json.dumps(
            {
                "format": FORMAT,
                "kind": _KIND,
                "key": data_key.id,
                "nonce": nonce.hex(),
                "content": sealed.hex(),
            },
            indent=2,
        )

    def _key(self, wanted_by: str = "") -> DataKey:
        """The data key; makes one if a file is to be written and there is none."""
        if self._data_key is None:
            unlocker = self._unlocker()
            if unlocker is None:
                raise unusable(
                    f"keys/{wanted_by or KEK_FILE}",
                    "is encrypted, and node.toml names nothing that opens it",
                    "set `passphrase_file`, `passphrase_env` or `key_file` in `[keys]`",
                )
            if not wanted_by and not self.exists(KEK_FILE):
                unlocker.check_strong()
                # Two processes may be the first at once: the file that stands is what counts.
                self._link(KEK_FILE, DataKey.generate().wrapped(unlocker))
            self._data_key = DataKey.unwrapped(self._text(KEK_FILE), unlocker)
        return self._data_key

    def _link(self, name: str, content: str) -> None:
        temporary = self._written(name, content)
        with suppress(FileExistsError):
            os.link(temporary, self.directory / name)
        temporary.unlink()
        sync_directory(self.directory)

    def _written(self, name: str, content: str) -> Path:
        temporary = self.directory / f".{name}.{secrets.token_hex(4)}"
        write_durably(temporary, content.encode("ascii"))
        return temporary

    def _clear(self) -> None:
        """Removes what an interrupted write may have left: it could be a key, not encrypted."""
        for path in self.directory.glob(f".*{KEY_SUFFIX}.*"):
            path.unlink(missing_ok=True)
        sync_directory(self.directory)


def _encrypted(text: str) -> bool:
    return text.startswith("{")


def _bound(name: str) -> bytes:
    """What a file's content is bound to: its purpose, which is the name's first part, and its name."""
    return json.dumps(["stayput/v1 key file", name.partition(".")[0], name]).encode()
