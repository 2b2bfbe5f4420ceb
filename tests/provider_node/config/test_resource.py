from pathlib import Path

import pytest

from provider_node.config import (
    Category,
    CsvSourceConfig,
    ResourceConfig,
    Sharing,
    StandingPolicy,
    UpdateFrequency,
    contract_of,
    load_resource,
    load_resources,
)
from stayput.delimited import Dialect
from stayput.errors import StayputError
from stayput.normalise import FieldType
from stayput.v1 import catalogue_pb2
from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Key
from stayput.v1.errors_pb2 import ErrorReason

TEXT = """\
code = "vehicle-owners"
title = "机动车登记"
title_en = "Registered vehicles"
category = "base"
sharing = "conditional"
conditions = "仅限社会救助"
legal_basis = "机动车登记规定"
update_frequency = "daily"

[source]
kind = "csv"
path = "vehicles.csv"
encoding = "gb18030"
delimiter = "\\t"

[fields.owner_id]
column = "身份证号码"
type = "resident_id"
title = "公民身份号码"
title_en = "Resident ID"

[fields.plate]
column = "号牌号码"
type = "code"
options = { drop = "hyphen", case = "upper" }

[fields.price]
column = "价格"
type = "number"
options = { scale = 2 }

[keys.owner]
fields = ["owner_id"]

[keys.plate_and_owner]
fields = ["plate", "owner_id"]

[checks.price]
fields = ["price"]
"""


def written(directory: Path, text: str, name: str = "vehicles.toml") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def loaded(directory: Path, text: str = TEXT) -> ResourceConfig:
    return load_resource(written(directory, text))


def test_everything_is_read(tmp_path: Path) -> None:
    resource = loaded(tmp_path)
    assert (resource.code, resource.title) == ("vehicle-owners", "机动车登记")
    assert (resource.category, resource.sharing) == (Category.BASE, Sharing.CONDITIONAL)
    assert resource.update_frequency is UpdateFrequency.DAILY
    assert isinstance(resource.source, CsvSourceConfig)
    assert resource.source.path == tmp_path / "vehicles.csv"
    assert resource.source.dialect == Dialect("gb18030", "\t")
    assert resource.fields["price"].type is FieldType.NUMBER
    assert resource.fields["price"].options == {"scale": "2"}
    assert {name: key.fields for name, key in resource.keys.items()} == {
        "owner": ["owner_id"],
        "plate_and_owner": ["plate", "owner_id"],
    }


def test_the_contract_has_the_order_of_the_file_and_sorted_options(tmp_path: Path) -> None:
    assert contract_of(loaded(tmp_path), bytes(range(16))) == Contract(
        resource="vehicle-owners",
        profile="cn-gov/1",
        suite="keyed/1",
        salt=bytes(range(16)),
        fields=[
            Field(name="owner_id", type="resident_id", title="公民身份号码", title_en="Resident ID"),
            Field(
                name="plate",
                type="code",
                options=[FieldOption(name="case", value="upper"), FieldOption(name="drop", value="hyphen")],
                title="号牌号码",
            ),
            Field(name="price", type="number", options=[FieldOption(name="scale", value="2")], title="价格"),
        ],
        keys=[
            Key(name="owner", fields=["owner_id"]),
            Key(name="plate_and_owner", fields=["plate", "owner_id"]),
        ],
        checks=[Check(name="price", fields=["price"])],
    )


def test_a_salt_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="salt"):
        contract_of(loaded(tmp_path), bytes(15))


def test_the_words_are_those_of_the_catalogue() -> None:
    for words, enum, prefix in (
        (Category, catalogue_pb2.Category, "CATEGORY_"),
        (Sharing, catalogue_pb2.Sharing, "SHARING_"),
        (UpdateFrequency, catalogue_pb2.UpdateFrequency, "UPDATE_FREQUENCY_"),
    ):
        known = {name.removeprefix(prefix) for name in dict(enum.items())} - {"UNSPECIFIED"}
        assert {word.name for word in words} == known
        assert {word.value.upper().replace("-", "_") for word in words} == known


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"vehicle-owners"', '"V"', ":1: code: must be 2 to 63 characters"),
        ('title = "机动车登记"', "", ":1: title: is missing"),
        ('"base"', '"basic"', ":4: category: input should be 'base', 'theme' or 'department'"),
        ('"conditional"', '"secret"', ":5: sharing: input should be 'unconditional', 'conditional' or"),
        ('"daily"', '"hourly"', ":8: update_frequency: input should be 'realtime', "),
        ("conditions =", "condition =", ":6: condition: unknown key; did you mean 'conditions'?"),
        (
            'kind = "csv"',
            'kind = "access"',
            ":11: source.kind: must be one of csv, parquet, excel, sqlite, postgresql, mysql, ",
        ),
        ('kind = "csv"\n', "", ":10: source.kind: is missing"),
        ('kind = "csv"', "kind = 1", ":11: source.kind: must be one of csv"),
        ('path = "vehicles.csv"\n', "", ":10: source.path: is missing"),
        ("delimiter =", "header = 1\n#", ":14: source.header: input should be a valid boolean"),
        ('"gb18030"', '"gbk"', ":13: source.encoding: input should be 'utf-8' or 'gb18030'"),
        ('"\\t"', '"||"', ":14: source.delimiter: must be one character"),
        ("delimiter =", "separator =", ":14: source.separator: unknown key; known are kind, path"),
        (
            'column = "价格"',
            'columns = "价格"',
            ":28: fields.price.columns: unknown key; did you mean 'column'?",
        ),
        ('"number"', '"money"', ":29: fields.price.type: input should be 'resident_id', "),
        ("scale = 2", "scale = 10", ":27: fields.price: option scale takes one digit, 0 to 9"),
        ("scale = 2", "scale = 2.5", ":30: fields.price.options.scale: input should be a valid string"),
        (
            "scale = 2",
            "digits = 2",
            ":27: fields.price: type number has no option 'digits'; its options: scale",
        ),
        (
            "[fields.plate]",
            "[fields.Plate]",
            ":36: keys.plate_and_owner.fields: names the field 'plate', which",
        ),
        (
            '["owner_id"]',
            '["owner"]',
            ":33: keys.owner.fields: names the field 'owner', which is not declared; ",
        ),
        ('["owner_id"]', "[]", ":33: keys.owner.fields: list should have at least 1 item"),
        (
            '["price"]',
            '["price", "price"]',
            ":39: checks.price.fields: must name at least one of the contract's",
        ),
        ("[checks.price]", "[checks.Price]", ": checks: names must be 1 to 64 of a-z"),
        ("[keys.owner]\n", "[keys.owner]\nname = 1\n", ":33: keys.owner.name: unknown key; known are fields"),
    ],
)
def test_a_fault_is_told_by_line_and_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, TEXT.replace(old, new))
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    assert expected in caught.value.message
    assert caught.value.message.startswith(f"{tmp_path / 'vehicles.toml'}:")


SOURCE = """\
kind = "csv"
path = "vehicles.csv"
encoding = "gb18030"
delimiter = "\\t"
"""
DATABASE = 'kind = "mysql"\nhost = "db"\ndatabase = "d"\nuser = "u"\n'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('kind = "parquet"\nfile = 1\n', ":12: source.file: unknown key; known are kind, path"),
        ('kind = "parquet"\npath = 1\n', ":12: source.path: must be a path"),
        (
            'kind = "excel"\npath = "a"\nsheets = "b"\n',
            ":13: source.sheets: unknown key; did you mean 'sheet'?",
        ),
        ('kind = "excel"\npath = "a"\nsheet = ""\n', ":13: source.sheet: string should have at least 1"),
        ('kind = "sqlite"\npath = "a"\n', ":10: source: must have either `table` or `query`"),
        (
            'kind = "sqlite"\npath = "a"\ntable = "a b"\n',
            ":13: source.table: must be the name of a table or view",
        ),
        (
            f'{DATABASE}table = "t"\nquery = "SELECT 1"\n',
            ":10: source: must have either `table` or `query`",
        ),
        (f'{DATABASE}tables = "t"\n', ":15: source.tables: unknown key; did you mean 'table'?"),
        (
            f'{DATABASE}table = "t"\nport = 0\n',
            ":16: source.port: input should be greater than or equal to 1",
        ),
        (
            f'{DATABASE}table = "t"\npassword_env = "p w"\n',
            ":16: source.password_env: must be the name of an environment variable",
        ),
        (
            f'{DATABASE}table = "t"\npassword_env = "P"\npassword_file = "p"\n',
            ":10: source: must have either `password_file` or `password_env`, not both",
        ),
    ],
)
def test_a_fault_in_any_kind_of_source_is_told_by_line_and_key(
    tmp_path: Path, source: str, expected: str
) -> None:
    assert SOURCE in TEXT
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, TEXT.replace(SOURCE, source))
    assert expected in caught.value.message


def test_a_source_that_is_no_table_is_told(tmp_path: Path) -> None:
    text = 'source = "vehicles.csv"\n' + TEXT.replace("[source]\n" + SOURCE, "")
    with pytest.raises(StayputError, match=r"toml:1: source: input should be a valid dictionary"):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('kind = "csv"\npath = "*.csv.gz"\nheader = false\n', {"header": False, "encoding": "utf-8"}),
        ('kind = "parquet"\npath = "a.parquet"\n', {}),
        ('kind = "excel"\npath = "a.xlsx"\nsheet = "车辆"\n', {"sheet": "车辆"}),
        ('kind = "sqlite"\npath = "a.db"\nquery = "SELECT 1"\n', {"query": "SELECT 1", "table": None}),
        (
            f'{DATABASE}table = "s.车辆"\nport = 3307\npassword_file = "p"\n',
            {"kind": "mysql", "host": "db", "port": 3307, "table": "s.车辆"},
        ),
        (DATABASE.replace("mysql", "dameng") + 'table = "t"\n', {"kind": "dameng", "password_env": None}),
    ],
)
def test_every_kind_of_source_is_read(tmp_path: Path, source: str, expected: dict[str, object]) -> None:
    read = loaded(tmp_path, TEXT.replace(SOURCE, source)).source.model_dump()
    assert expected.items() <= read.items()


def test_a_source_without_header_is_read_so(tmp_path: Path) -> None:
    source = loaded(tmp_path, TEXT.replace("[source]\n", "[source]\nheader = false\n")).source
    assert isinstance(source, CsvSourceConfig)
    assert source.dialect == Dialect("gb18030", "\t", header=False)


def test_a_resource_without_keys_is_refused(tmp_path: Path) -> None:
    text = TEXT.split("[keys.owner]", maxsplit=1)[0]
    with pytest.raises(StayputError, match="keys: is missing"):
        loaded(tmp_path, text)


def test_a_resource_without_checks_is_fine(tmp_path: Path) -> None:
    assert loaded(tmp_path, TEXT.split("[checks.price]", maxsplit=1)[0]).checks == {}


def test_an_undeclared_field_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="did you mean 'owner_id'"):
        loaded(tmp_path, TEXT.replace('["owner_id"]', '["ownerid"]'))


def test_the_resources_of_a_directory_are_found_by_code(tmp_path: Path) -> None:
    written(tmp_path, TEXT, "a.toml")
    written(tmp_path, TEXT.replace("vehicle-owners", "deaths"), "b.toml")
    (tmp_path / "notes.txt").write_text("not a resource")
    assert {code: resource.code for code, resource in load_resources(tmp_path).items()} == {
        "vehicle-owners": "vehicle-owners",
        "deaths": "deaths",
    }


def test_two_files_with_one_code_are_refused(tmp_path: Path) -> None:
    written(tmp_path, TEXT, "a.toml")
    written(tmp_path, TEXT, "b.toml")
    with pytest.raises(StayputError, match=r"b\.toml:1: code: a\.toml has the same code"):
        load_resources(tmp_path)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="absent: is not a directory") as caught:
        load_resources(tmp_path / "absent")
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID


UNCONDITIONAL = TEXT.replace('"conditional"', '"unconditional"')


def test_an_unconditional_resource_has_a_standing_policy(tmp_path: Path) -> None:
    assert loaded(tmp_path, UNCONDITIONAL).standing_policy == StandingPolicy(
        valid_days=365, case_number_required=False
    )
    said = "[standing_policy]\nvalid_days = 1_096\ncase_number_required = true\n"
    assert loaded(tmp_path, UNCONDITIONAL + said).standing_policy == StandingPolicy(
        valid_days=1_096, case_number_required=True
    )


@pytest.mark.parametrize("sharing", ["conditional", "not-shared"])
def test_another_resource_has_none(tmp_path: Path, sharing: str) -> None:
    text = TEXT.replace('"conditional"', f'"{sharing}"')
    assert loaded(tmp_path, text).standing_policy is None
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, text + "[standing_policy]\n")
    assert caught.value.message.endswith(
        ':40: standing_policy: only a resource with sharing = "unconditional" has a standing policy'
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("valid_days = 0", "valid_days: input should be greater than or equal to 1"),
        ("valid_days = 1_097", "valid_days: input should be less than or equal to 1096"),
        ('valid_days = "30"', "valid_days: input should be a valid integer"),
        ("case_number_required = 1", "case_number_required: input should be a valid boolean"),
        ("days = 30", "days: unknown key; known are valid_days, case_number_required"),
    ],
)
def test_a_fault_in_the_standing_policy_is_told_by_line_and_key(
    tmp_path: Path, line: str, expected: str
) -> None:
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, f"{UNCONDITIONAL}[standing_policy]\n{line}\n")
    assert caught.value.message == f"{tmp_path / 'vehicles.toml'}:41: standing_policy.{expected}"
