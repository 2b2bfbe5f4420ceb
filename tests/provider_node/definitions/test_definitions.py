"""Definitions: checked, told apart from what they change, stored as versions, and refused."""

import errno
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.config import load_resource, load_resources
from provider_node.domain.definitions import MOST_BYTES, Definitions, needs
from provider_node.store.run_directory import RunDirectory
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import PutDefinitionRequest
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.definitions.conftest import ADMINISTRATOR, NOW, Files
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

TOML = register.RESOURCE
RETITLED = TOML.replace("机动车登记", "机动车登记信息")
MARRIAGES = TOML.replace("vehicle-owners", "marriages")


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    """The definition with a piece of it replaced by something else."""
    begin = draw(st.integers(0, len(TOML)))
    end = draw(st.integers(begin, min(len(TOML), begin + 30)))
    return TOML[:begin] + draw(st.text("[]{}=\"'\n.,#\\0aé身", max_size=6)) + TOML[end:]


def test_a_file_that_nobody_stored_is_the_first_version(files: Files) -> None:
    got = files.definitions.get(register.CODE, 0)
    assert (got.toml, got.version.version, got.version.administrator) == (TOML, 1, "")
    assert got.version.stored_at.ToDatetime(UTC) == NOW
    assert got.version.sha256 == hashlib.sha256(TOML.encode()).digest()


def test_a_check_changes_nothing(files: Files) -> None:
    files.definitions.get(register.CODE, 0)
    found = files.check(RETITLED)
    assert list(found.diff) == [
        "--- version 1",
        "+++ new version",
        "@@ -1,5 +1,5 @@",
        ' code = "vehicle-owners"',
        '-title = "机动车登记"',
        '+title = "机动车登记信息"',
        ' category = "base"',
        ' sharing = "conditional"',
        ' update_frequency = "daily"',
    ]
    assert (list(found.needs), found.sampled_rows) == (["publish"], register.PEOPLE)
    assert not found.HasField("stored")
    assert (files.file.read_text("utf-8"), files.known()) == (TOML, [(1, "")])


def test_a_stored_definition_holds_and_the_one_before_is_kept(files: Files) -> None:
    stored = files.store(RETITLED, base=1).stored
    assert (stored.version, stored.administrator) == (2, ADMINISTRATOR)
    assert stored.sha256 == hashlib.sha256(RETITLED.encode()).digest()
    assert files.file.read_text("utf-8") == RETITLED
    assert files.definitions.get(register.CODE, 1).toml == TOML
    assert files.definitions.get(register.CODE, 0).toml == RETITLED
    assert files.known() == [(2, ADMINISTRATOR), (1, "")]
    assert sorted(load_resources(files.directory / "resources")) == [register.CODE]


def test_the_same_again_is_no_version(files: Files) -> None:
    stored = files.store(TOML, base=0)
    assert files.known() == [(1, ADMINISTRATOR)]
    assert stored.stored.version == 1
    again = files.store(TOML, base=1)
    assert (again.HasField("stored"), list(again.diff), list(again.needs)) == (False, [], [])
    assert files.known() == [(1, ADMINISTRATOR)]


def test_a_new_resource_gets_a_file_of_its_own(files: Files) -> None:
    found = files.store(MARRIAGES, base=0)
    assert (found.stored.version, list(found.needs)) == (1, ["build", "publish"])
    assert found.diff[0] == "--- nothing"
    file = files.directory / "resources" / "marriages.toml"
    assert file.read_text("utf-8") == MARRIAGES
    assert sorted(load_resources(file.parent)) == ["marriages", register.CODE]
    assert (files.known("marriages"), files.known()) == ([(1, ADMINISTRATOR)], [(1, "")])


def test_a_file_of_that_name_that_holds_another_resource_is_not_replaced(files: Files) -> None:
    other = files.file.rename(files.file.with_name("marriages.toml"))
    with refused("CONFIGURATION_INVALID"):
        files.store(MARRIAGES, base=0)
    assert other.read_text("utf-8") == TOML


@pytest.mark.parametrize("base", [0, 2, 7])
def test_another_base_than_the_newest_version_is_refused(files: Files, base: int) -> None:
    files.definitions.get(register.CODE, 0)
    with refused("FIELD_INVALID", "base_version"):
        files.store(RETITLED, base=base)
    assert (files.file.read_text("utf-8"), files.known()) == (TOML, [(1, "")])


def test_of_two_changes_to_one_version_the_second_is_refused(files: Files) -> None:
    files.store(RETITLED, base=1)
    with refused("FIELD_INVALID", "base_version"):
        files.store(TOML.replace("daily", "weekly"), base=1)
    assert files.file.read_text("utf-8") == RETITLED


def test_of_many_changes_at_once_to_one_version_one_is_stored(files: Files) -> None:
    files.definitions.note([register.CODE])

    def change(number: int) -> str:
        try:
            files.store(TOML.replace("机动车登记", f"机动车登记{number}"), base=1)
        except StayputError as error:
            return error.field
        return "stored"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(change, range(8))) == ["base_version"] * 7 + ["stored"]
    assert files.known() == [(2, ADMINISTRATOR), (1, "")]
    assert files.file.read_text("utf-8") == files.definitions.get(register.CODE, 2).toml


def test_an_edited_file_is_a_version_before_another_takes_its_place(files: Files) -> None:
    files.definitions.get(register.CODE, 0)
    edited = TOML.replace("daily", "weekly")
    files.file.write_text(edited, "utf-8")
    # Nobody has it hold yet.
    assert files.known() == [(1, "")]
    with refused("FIELD_INVALID", "base_version"):
        files.store(RETITLED, base=1)
    assert files.known() == [(2, ""), (1, "")]
    assert files.definitions.get(register.CODE, 2).toml == edited
    files.store(RETITLED, base=2)
    assert files.known() == [(3, ADMINISTRATOR), (2, ""), (1, "")]


def test_a_file_edited_in_place_and_put_is_the_work_of_who_puts_it(files: Files) -> None:
    files.definitions.get(register.CODE, 0)
    files.file.write_text(RETITLED, "utf-8")
    assert files.check(RETITLED).diff
    assert files.store(RETITLED, base=1).stored.version == 2
    assert files.known() == [(2, ADMINISTRATOR), (1, "")]


def test_reading_what_holds_makes_a_version_of_an_edited_file(files: Files) -> None:
    assert files.definitions.reread(register.CODE) is not None
    files.file.write_text(RETITLED, "utf-8")
    read = files.definitions.reread(register.CODE)
    assert read is not None
    assert read.title == "机动车登记信息"
    assert files.known() == [(2, ""), (1, "")]
    assert files.definitions.reread("marriages") is None


def test_a_wrong_file_is_told_and_is_no_version(files: Files) -> None:
    files.definitions.note([register.CODE])
    for wrong in ("code = ", TOML.replace('"daily"', '"sometimes"')):
        files.file.write_text(wrong, "utf-8")
        with refused("CONFIGURATION_INVALID"):
            files.definitions.reread(register.CODE)
        # What was edited is not thrown away by storing another.
        with refused("CONFIGURATION_INVALID"):
            files.store(RETITLED, base=1)
        assert files.file.read_text("utf-8") == wrong
        files.definitions.note([register.CODE])
        assert files.known() == [(1, "")]
    assert files.definitions.get(register.CODE, 0).toml == TOML


def test_a_resource_whose_file_was_removed_can_be_put_again(files: Files) -> None:
    files.definitions.get(register.CODE, 0)
    files.file.unlink()
    assert files.store(TOML, base=1).stored.version == 2
    assert files.file.read_text("utf-8") == TOML


def test_unknown_resources_and_versions(files: Files) -> None:
    with refused("RESOURCE_UNKNOWN", "resource"):
        files.definitions.versions("marriages")
    with refused("RESOURCE_UNKNOWN", "resource"):
        files.definitions.get("marriages", 1)
    with refused("FIELD_INVALID", "version"):
        files.definitions.get(register.CODE, 2)
    with refused("FIELD_INVALID", "resource"):
        files.definitions.get("../vehicles", 0)


@pytest.mark.parametrize("administrator", ["", " ", "x" * 101, "a\x00b"])
def test_who_stores_it_must_be_told(files: Files, administrator: str) -> None:
    with refused("FIELD_INVALID", "administrator"):
        files.store(RETITLED, base=1, administrator=administrator)


def test_a_definition_has_an_end(files: Files) -> None:
    with refused("FIELD_INVALID", "toml"):
        files.check(TOML + "#" * MOST_BYTES)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"daily"', '"sometimes"', "definition.toml:5: update_frequency: "),
        ('title = "机动车登记"\n', "", "definition.toml:1: title: is missing"),
        ('["plate"]', '["plates"]', "definition.toml:23: checks.plate.fields: names the field 'plates'"),
        ("[source]", "[source", "definition.toml:6: not TOML"),
        ('"csv"', '"fax"', "definition.toml:7: source.kind: must be one of csv"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(files: Files, old: str, new: str, told: str) -> None:
    with pytest.raises(StayputError) as caught:
        files.store(TOML.replace(old, new), base=1)
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    assert caught.value.message.startswith(told)
    assert (files.file.read_text("utf-8"), files.known()) == (TOML, [(1, "")])


@given(st.text(st.characters(exclude_categories=["Cs"])) | _mutated())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_put_is_taken_or_told(files: Files, toml: str) -> None:
    told = "taken"
    try:
        files.check(toml)
    except StayputError as error:
        told = error.reason_name
    assert told in ("taken", "CONFIGURATION_INVALID", "SOURCE_INVALID")


@pytest.mark.parametrize("toml", ["x=" + "[" * 50_000, "x=" + "{a=" * 50_000, "x=" + "1" * 5_000])
def test_what_no_reader_of_toml_can_take_is_told(files: Files, toml: str) -> None:
    with refused("CONFIGURATION_INVALID"):
        files.check(toml)
    files.file.with_name("other.toml").write_text(toml)
    # Nor does it keep the others from being found.
    assert files.known() == [(1, "")]


def test_a_path_that_is_none_is_told(files: Files) -> None:
    with refused("CONFIGURATION_INVALID", "source.path"):
        files.check(TOML.replace("../vehicles.csv", "vehicles\\u0000.csv"))


def test_a_source_that_cannot_be_used_is_told(files: Files) -> None:
    with refused("SOURCE_INVALID", "fields.plate.column"):
        files.store(TOML.replace("号牌号码", "车牌"), base=1)
    with refused("SOURCE_INVALID", "source.path"):
        files.store(TOML.replace("vehicles.csv", "no-such.csv"), base=1)
    # Names are no numbers: nobody could be found.
    with refused("SOURCE_INVALID", "source"):
        files.store(TOML.replace("身份证号码", "姓名", 1), base=1)
    assert files.known() == [(1, "")]


def test_what_is_left_out_of_the_sample_is_counted(files: Files) -> None:
    source = files.directory / "vehicles.csv"
    with source.open("a", encoding="utf-8") as file:
        file.write("110105195001010001,王某,京A1\n,王某,京A2\n一,二\n")
    found = files.check(TOML)
    assert found.sampled_rows == register.PEOPLE + 3
    assert [(one.field, one.reason, one.count) for one in found.rejects] == [
        ("", "COLUMNS", 1),
        ("owner_id", "CHECKSUM", 1),
        ("owner_id", "MISSING", 1),
    ]
    assert "王某" not in str(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("机动车登记", "机动车", ["publish"]),
        ("daily", "weekly", ["publish"]),
        ("[source]", "granularities = ['record', 'count']\n[source]", ["publish"]),
        ("[source]", "modes = ['keyed', 'oblivious']\n[source]", ["build", "publish"]),
        ("[source]", "[limits]\nmiss_ratio = 0.7\n[source]", []),
        ("[source]", "[generations]\nkeep = 3\n[source]", []),
        ("[source]", "[schedule]\nevery = '6h'\n[source]", []),
        ("[source]", "# nothing\n[source]", []),
        ("vehicles.csv", "others.csv", ["build"]),
        ('"姓名"', '"name"', ["build"]),
        ('"code"\n[keys', '"text"\n[keys', ["build"]),
        ('[checks.plate]\nfields = ["plate"]\n', "", ["build"]),
        ('fields = ["plate"]', "condition = 'plate is null'", ["build"]),
    ],
)
def test_what_a_change_needs(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in TOML
    before = load_resource(Path("a"), TOML.encode(), tmp_path)
    assert needs(before, load_resource(Path("a"), TOML.replace(old, new).encode(), tmp_path)) == expected
    assert needs(None, before) == ["build", "publish"]


def test_bytes_are_kept_as_they_are(files: Files) -> None:
    windows = ("\ufeff" + RETITLED).replace("\n", "\r\n")
    files.store(windows, base=1)
    assert files.file.read_bytes() == windows.encode()
    assert files.definitions.get(register.CODE, 2).toml == windows


def test_a_link_and_permissions_stay(files: Files) -> None:
    kept = files.file.rename(files.directory / "kept.toml")
    kept.chmod(0o640)
    files.file.symlink_to(kept)
    files.store(RETITLED, base=1)
    assert files.file.is_symlink()
    assert (kept.read_text("utf-8"), kept.stat().st_mode & 0o777) == (RETITLED, 0o640)
    assert (files.directory / "data" / "definitions").stat().st_mode & 0o077 == 0


def _failing(number: int) -> Callable[[int], None]:
    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    return fsync


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "STORAGE_FULL"), (errno.EIO, "CONFIGURATION_INVALID")]
)
def test_without_room_nothing_changes(
    files: Files, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    files.definitions.note([register.CODE])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _failing(number))
        with refused(reason):
            files.store(RETITLED, base=1)
        # A node starts nevertheless.
        files.definitions.note([register.CODE])
    assert (files.file.read_text("utf-8"), files.known()) == (TOML, [(1, "")])


def test_damage_is_told(files: Files) -> None:
    files.definitions.note([register.CODE])
    (files.directory / "data" / "definitions" / register.CODE / "0001.json").write_bytes(b"{}")
    with refused("CONFIGURATION_INVALID"):
        files.definitions.versions(register.CODE)


def test_nothing_is_stored_by_the_files_while_a_node_runs(files: Files) -> None:
    data = files.directory / "data"
    run = RunDirectory(data)
    definitions = Definitions(data, files.directory / "resources", lambda: NOW, run.held)
    definitions.note([register.CODE])
    request = PutDefinitionRequest(toml=RETITLED, store=True, base_version=1, administrator=ADMINISTRATOR)
    with run.held(), refused("CONFIGURATION_INVALID", "node.data"):
        definitions.put(request)
    assert (files.file.read_text("utf-8"), files.known()) == (TOML, [(1, "")])
    assert definitions.put(request).response.stored.version == 2
