"""What to look for in the files of a node, and where."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.provider_node.serving.processes import NodeProcess
from tests.provider_node.serving.register import Person


def written_as(secret: bytes) -> Iterator[bytes]:
    """The ways in which bytes could have been written down."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    # Base64 of something that begins on a three-byte boundary; the last character depends on what follows.
    yield b64encode(secret).rstrip(b"=")[:-1]
    yield urlsafe_b64encode(secret).rstrip(b"=")[:-1]
    yield repr(secret).encode()[2:-1]


def values(people: Sequence[Person]) -> set[bytes]:
    """The values of records, in the encodings in which text is written."""
    texts = {text for one in people for text in (one.owner_id, one.name, one.plate) if text}
    encodings = ("utf-8", "gb18030", "utf-16-le")
    plain = {text.encode(encoding) for text in texts for encoding in encodings}
    return plain | {text.encode("unicode_escape") for text in texts}


def files(node: NodeProcess) -> Iterator[tuple[Path, bytes]]:
    """Everything that the node wrote, but for the keys themselves and the source it was given."""
    keys = node.directory / "data" / "keys"
    for path in node.directory.rglob("*"):
        if (
            path.is_file()
            and not path.is_symlink()
            and keys not in path.parents
            and path.name != "vehicles.csv"
        ):
            yield path, path.read_bytes()


def occurring(secrets: Iterable[bytes], content: bytes) -> list[bytes]:
    """Those of many secrets, of 8 bytes or more, that occur in the content."""
    beginnings: dict[bytes, list[bytes]] = {}
    for secret in secrets:
        beginnings.setdefault(secret[:8], []).append(secret)
    return [
        secret
        for at in range(len(content) - 7)
        for secret in beginnings.get(content[at : at + 8], ())
        if content.startswith(secret, at)
    ]
