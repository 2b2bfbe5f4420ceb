"""What replicas are told: all that they serve with, nothing more, and made anew only when it is new."""

import errno
import os
from datetime import UTC, timedelta
from pathlib import Path
from typing import IO, Any

import lmdb
import pytest

from provider_node.config import load_resources
from provider_node.domain.build import Builder
from provider_node.domain.replicas import files_of_generation, offering
from provider_node.domain.replicas.key_transfer import sent
from provider_node.domain.replicas.offering import AGAIN
from provider_node.store.epochs import Purpose
from provider_node.store.manifest import Manifest
from stayput import signing
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import Granularity
from stayput.v1.replica_pb2 import FollowResponse, GenerationFile, ReplicaResource
from tests.provider_node.replicas.peer import BY, NODE, NOT_SENT, NOW, PROVIDER, RESOURCE, NodeEnd, sha256
from tests.provider_node.serving import register

OTHER = "boat-owners"


def only(response: FollowResponse) -> ReplicaResource:
    (resource,) = response.resources
    return resource


def described(node: NodeEnd, resource: ReplicaResource) -> Description:
    """The description, verified."""
    key = node.signing_key.public_key().public_bytes_raw()
    kind = signing.PayloadType.DESCRIPTION
    return Description.FromString(signing.verify(resource.description, kind, key))


def test_all_that_is_needed_is_told(idle: NodeEnd) -> None:
    told = idle.offering.current()
    assert (told.node_id, told.department) == (NODE.id, PROVIDER)
    assert told.keys == sent(idle.keyring)
    credentials = idle.credentials
    assert told.certificate.certificate_chain.encode() == credentials.certificate_chain
    assert told.certificate.private_key.encode() == credentials.private_key
    assert told.certificate.ca_certificate.encode() == credentials.ca_certificate
    resource, serving = only(told), idle.resources.serving(register.CODE)
    assert (resource.resource, resource.generation) == (register.CODE, serving.generation)
    assert list(resource.granularities) == list(serving.granularities)
    assert resource.oblivious == serving.offer
    description = described(idle, resource)
    assert description.issued_at.ToDatetime(UTC) == NOW
    assert resource.description == idle.resources.describe(register.CODE)


def test_the_files_are_those_that_serve_and_no_others(idle: NodeEnd) -> None:
    resource = only(idle.offering.current())
    directory = idle.generation(resource.generation)
    on_disk = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    listed = {one.path: one for one in resource.files}
    assert on_disk - listed.keys() == set(NOT_SENT)
    assert len(listed) == len(resource.files) == 8
    for path, one in listed.items():
        content = (directory / path).read_bytes()
        assert (one.size, one.sha256) == (len(content), sha256(content))


def test_neither_the_signing_key_nor_what_was_left_out_is_told(idle: NodeEnd) -> None:
    told = idle.offering.current().SerializeToString()
    private = idle.signing_key.private_bytes_raw()
    assert idle.keyring.oprf.secrets()[0] in told
    assert private not in told
    assert private.hex().encode() not in told
    assert (idle.data / "keys" / "signing.key").read_bytes().strip() not in told
    assert "李四".encode() not in told


def test_what_does_not_change_is_not_made_again(idle: NodeEnd) -> None:
    told = idle.offering.current()
    idle.clock.now += timedelta(days=30)
    assert idle.offering.current() is told


def test_a_new_generation_is_told_with_its_own_files(idle: NodeEnd) -> None:
    first = idle.offering.current()
    idle.build()
    second = idle.offering.current()
    assert only(second).generation == idle.serving() != only(first).generation
    assert described(idle, only(second)).generation == idle.serving()
    assert only(second).files[0].sha256 != only(first).files[0].sha256
    assert second.keys == first.keys
    idle.resources.roll_back(register.CODE, only(first).generation)
    assert only(idle.offering.current()).generation == only(first).generation


@pytest.mark.parametrize("purpose", [Purpose.INDEX, Purpose.OPRF])
def test_a_new_key_is_told_and_the_description_stays(idle: NodeEnd, purpose: Purpose) -> None:
    first = idle.offering.current()
    idle.clock.now += timedelta(hours=1)
    idle.keyring.rotate(purpose, BY, NOW)
    second = idle.offering.current()
    assert second.keys == sent(idle.keyring) != first.keys
    assert only(second) == only(first)


def test_a_new_sealing_key_is_told_with_a_description_that_names_it(idle: NodeEnd) -> None:
    first = idle.offering.current()
    idle.keyring.rotate(Purpose.SEALING, BY, NOW)
    second = idle.offering.current()
    assert second.keys == sent(idle.keyring) != first.keys
    assert described(idle, only(second)).sealing_key_id == idle.keyring.sealing.current.id
    assert only(second).files == only(first).files


def test_what_is_offered_no_more_is_told_no_more(idle: NodeEnd) -> None:
    first = idle.offering.current()
    file = idle.directory / "resources" / "vehicles.toml"
    file.write_text(RESOURCE.replace('["record", "count"]', '["record"]'), "utf-8")
    idle.configured.update(load_resources(idle.directory / "resources"))
    second = only(idle.offering.current())
    assert list(second.granularities) == [Granularity.GRANULARITY_RECORD]
    assert list(described(idle, second).granularities) == [Granularity.GRANULARITY_RECORD]
    assert len(second.oblivious.sets) == 3
    assert len(only(first).oblivious.sets) == 6
    # The generation is opened with all of its sets.
    assert second.files == only(first).files
    file.write_text(RESOURCE.replace('["keyed", "oblivious"]', '["keyed"]'), "utf-8")
    idle.configured.update(load_resources(idle.directory / "resources"))
    assert not only(idle.offering.current()).HasField("oblivious")


def test_a_resource_that_is_not_built_is_left_out(idle: NodeEnd) -> None:
    idle.configured["deaths"] = idle.configured[register.CODE].model_copy(update={"code": "deaths"})
    assert [one.resource for one in idle.offering.current().resources] == [register.CODE]
    (idle.data / "resources" / register.CODE / "current").unlink()
    assert not idle.offering.current().resources


def test_a_damaged_generation_is_left_out_and_not_read_again_each_time(idle: NodeEnd) -> None:
    index = idle.generation(idle.serving()) / "index.mdb"
    whole = index.read_bytes()
    os.truncate(index, len(whole) - 1)
    assert not idle.offering.current().resources
    index.write_bytes(whole)
    assert not idle.offering.current().resources
    idle.clock.now += AGAIN
    assert only(idle.offering.current()).generation == idle.serving()


def test_a_new_generation_in_place_of_a_damaged_one_is_told_at_once(idle: NodeEnd) -> None:
    (idle.generation(idle.serving()) / "manifest.json").write_bytes(b"{}")
    assert not idle.offering.current().resources
    idle.build()
    assert only(idle.offering.current()).generation == idle.serving()


def test_a_damaged_link_is_no_reason_to_say_nothing(idle: NodeEnd) -> None:
    link = idle.data / "resources" / register.CODE / "current"
    target = link.readlink()
    link.unlink()
    link.write_text("")
    assert not idle.offering.current().resources
    link.unlink()
    link.symlink_to(target)
    assert only(idle.offering.current()).generation == target.name


def test_a_generation_that_builds_remove_meanwhile_stays_until_the_link_names_another(idle: NodeEnd) -> None:
    first = idle.offering.current()
    directory = idle.generation(idle.serving())
    directory.rename(directory.with_name("elsewhere"))
    idle.keyring.rotate(Purpose.SEALING, BY, NOW)
    assert only(idle.offering.current()) == only(first)
    idle.build()
    assert only(idle.offering.current()).generation == idle.serving() != only(first).generation


# A disk that does not read.


@pytest.fixture
def two(idle: NodeEnd) -> NodeEnd:
    """With another resource, of the same rows."""
    path = idle.directory / "resources" / "boats.toml"
    path.write_text(RESOURCE.replace(f'"{register.CODE}"', f'"{OTHER}"'), "utf-8")
    idle.configured.update(load_resources(path.parent))
    keys = idle.keyring.index.current, idle.keyring.oprf
    builder = Builder(idle.data, *keys, "0.0-test", lambda length: bytes(range(length)))
    builder.build(idle.configured[OTHER], NOW, lambda _: None)
    return idle


def test_a_file_that_cannot_be_opened_leaves_out_its_resource_alone(
    two: NodeEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, unreadable = Path.open, two.generation(two.serving()) / "index.mdb"

    def open_(path: Path, mode: str = "r", **more: str | None) -> IO[Any]:
        if path == unreadable:
            raise OSError(errno.EIO, "Input/output error")
        return opened(path, mode, -1, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_)
        assert [one.resource for one in two.offering.current().resources] == [OTHER]
    assert [one.resource for one in two.offering.current().resources] == [OTHER]
    two.clock.now += AGAIN
    assert [one.resource for one in two.offering.current().resources] == [OTHER, register.CODE]


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "denied"), lmdb.DiskError("disk")], ids=type)
def test_so_does_whatever_else_storage_fails_with(
    two: NodeEnd, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def files_of(directory: Path, manifest: Manifest) -> list[GenerationFile]:
        if manifest.contract.resource == register.CODE:
            raise error
        return files_of_generation.files_of(directory, manifest)

    monkeypatch.setattr(offering, "files_of", files_of)
    assert [one.resource for one in two.offering.current().resources] == [OTHER]
