"""Keys split among people: which shares recover them, and what each wrong share is told as."""

import itertools
from pathlib import Path

import pytest
from Crypto.Util.RFC1751 import key_to_english
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.key_set import KeySet
from provider_node.domain.keys import NodeKeys
from provider_node.domain.shares import Share, read_share, recover, split
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import Unlocker
from stayput.errors import StayputError
from tests.provider_node.serving.consumer import refused

KEYS = KeySet({"index.key": "00" * 32, "tls.csr": "ff"})


def texts(shares: list[Share]) -> list[str]:
    return ["\n".join(share.lines()) for share in shares]


def recovered(sealed: str, *given_: Share) -> KeySet:
    read = {f"share-{one.index}": read_share("\n".join(one.lines()), "share") for one in given_}
    return recover(sealed, "key-set.json", read)


def test_exactly_the_threshold_suffices_whichever_shares_they_are(tmp_path: Path) -> None:
    sealed, shares = split(KEYS, 5, 3)
    for chosen in itertools.combinations(shares, 3):
        back = recovered(sealed, *chosen)
    for few in itertools.combinations(shares, 2):
        with refused("FIELD_INVALID", "shares") as caught:
            recovered(sealed, *few)
        assert "2 different shares are here, and 3 are needed" in caught.value.message
    store = KeyStore(tmp_path / "keys")
    with pytest.raises(StayputError):
        # No node's keys, but the same files as before.
        back.put(store)
    assert not list(tmp_path.iterdir())


def test_the_same_share_twice_counts_once() -> None:
    sealed, shares = split(KEYS, 3, 2)
    with refused("FIELD_INVALID", "shares"):
        recover(sealed, "key-set.json", {"a": shares[0], "b": shares[0]})


@pytest.mark.parametrize(("shares", "threshold"), [(5, 1), (5, 0), (5, -1), (2, 3), (101, 3), (1, 2)])
def test_a_splitting_that_protects_nothing_or_cannot_be_is_refused(shares: int, threshold: int) -> None:
    with refused("FIELD_INVALID"):
        split(KEYS, shares, threshold)


def test_shares_of_another_splitting_are_named() -> None:
    sealed, shares = split(KEYS, 3, 2)
    _, others = split(KEYS, 3, 2)
    with refused("FIELD_INVALID", "other.txt"):
        recover(sealed, "key-set.json", {"good.txt": shares[0], "other.txt": others[1]})


def test_every_word_counts() -> None:
    _, shares = split(KEYS, 2, 2)
    lines = [line.split() for line in shares[0].lines()]
    for number, line in enumerate(lines):
        for place in range(1, len(line)):
            changed = [list(one) for one in lines]
            changed[number][place] = "ABE" if line[place] != "ABE" else "OWL"
            text = "\n".join(" ".join(one) for one in changed)
            with refused("FIELD_INVALID", "share-1.txt") as caught:
                read_share(text, "share-1.txt")
            assert "word" in caught.value.message
            assert not any(len(word) > 3 and word in caught.value.message for word in line)
    swapped = [lines[0], [*lines[1][:1], lines[1][2], lines[1][1], *lines[1][3:]], *lines[2:]]
    if lines[1][1] != lines[1][2]:
        with refused("FIELD_INVALID", "share-1.txt"):
            read_share("\n".join(" ".join(one) for one in swapped), "share-1.txt")


def test_a_page_as_it_is_printed_or_typed_in_is_read() -> None:
    _, shares = split(KEYS, 2, 2)
    text = texts(shares)[1]
    for page in (
        f"Stayput\nshare 2 of 2\n\n{text}\n\nKeep this page.\n\f",
        "\n".join(f"   {line.lower().replace(' ', '   ')}  " for line in reversed(text.splitlines())),
        text.replace("\n", "\r\n"),
    ):
        assert read_share(page, "page").value == shares[1].value


def test_two_shares_in_one_file_are_not_taken_for_one() -> None:
    _, shares = split(KEYS, 2, 2)
    with refused("FIELD_INVALID", "page"):
        read_share("\n".join(texts(shares)), "page")


@given(st.text(alphabet="1234) ABEOWL\nx", max_size=300) | st.text(max_size=100))
@settings(max_examples=100, deadline=None)
def test_what_is_no_share_is_told_as_that(text: str) -> None:
    with refused("FIELD_INVALID", "page"):
        read_share(text, "page")


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=50, deadline=None)
def test_words_of_anything_else_are_no_share(content: bytes) -> None:
    words = key_to_english(content).split()
    text = "\n".join(f"{n + 1}) {' '.join(words[6 * n : 6 * n + 6])}" for n in range(4))
    with refused("FIELD_INVALID", "page"):
        read_share(text, "page")


@pytest.mark.parametrize("change", ["content", "shares", "threshold", "set", "kind", "whole"])
def test_a_key_set_that_was_changed_does_not_open(change: str) -> None:
    sealed, shares = split(KEYS, 3, 2)
    changed = {
        "content": sealed.replace('"content": "', '"content": "00'),
        "shares": sealed.replace('"shares": 3', '"shares": 4'),
        "threshold": sealed.replace('"threshold": 2', '"threshold": 0'),
        "set": sealed.replace(shares[0].set_id.hex(), "00" * 6),
        "kind": sealed.replace("stayput key set", "stayput keys"),
        "whole": sealed[:-20],
    }[change]
    assert changed != sealed
    with refused("FIELD_INVALID"):
        recovered(changed, *shares)


def test_shares_hide_themselves() -> None:
    _, shares = split(KEYS, 2, 2)
    assert shares[0].value.hex() not in repr(shares)
    assert repr(KEYS) == "KeySet(index.key, tls.csr)"


def test_recovered_keys_are_those_that_were_split(tmp_path: Path) -> None:
    unlocker = Unlocker("key-file", bytes(range(32)))
    keys = NodeKeys(tmp_path / "node", KeyStore(tmp_path / "node" / "keys", lambda: unlocker))
    keys.create()
    (tmp_path / "node" / "keys" / "index.key~").write_text("what an editor left")
    sealed, shares = split(KeySet.of(keys.store), 5, 3)
    (tmp_path / "node" / "keys" / "index.key~").unlink()
    assert keys.index_keys().current.id not in sealed
    back = recovered(sealed, shares[4], shares[0], shares[2])
    plain = NodeKeys(tmp_path / "again")
    back.put(plain.store)
    assert {name: plain.store.read(name) for name in plain.store.names()} == {
        name: keys.store.read(name) for name in keys.store.names()
    }
    assert plain.index_keys().current.id == keys.index_keys().current.id
    closed = KeyStore(tmp_path / "closed" / "keys", lambda: unlocker)
    back.put(closed)
    assert not closed.plain()


def test_keys_that_are_there_are_never_written_over(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path / "node")
    keys.create()
    back = KeySet.of(keys.store)
    before = {path.name: path.read_bytes() for path in keys.store.directory.iterdir()}
    with refused("CONFIGURATION_INVALID", "node.data") as caught:
        back.put(keys.store)
    assert "not empty" in caught.value.message
    assert {path.name: path.read_bytes() for path in keys.store.directory.iterdir()} == before


def test_keys_that_a_killed_recovery_left_are_removed(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path / "node")
    keys.create()
    theirs = {".keys.20261122", ".keys.old.unfinished", "keys.old"}
    for name in (".keys.0a1b2c3d.unfinished", *theirs):
        (tmp_path / "again" / name).mkdir(parents=True)
        (tmp_path / "again" / name / "index.key").write_text("00" * 32)
    KeySet.of(keys.store).put(KeyStore(tmp_path / "again" / "keys"))
    # What somebody has put there is nobody's to remove.
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"keys", *theirs}
