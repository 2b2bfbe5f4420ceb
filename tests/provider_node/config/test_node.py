from pathlib import Path

import pytest

from provider_node.config import load_node
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason

WHOLE = """\
# A node with everything said.
[node]
id = "vehicles-1"
department = "traffic-police"
listen = "[::1]:0"
advertise = "vehicles.example:7443"
comparator = "platform.example:7000"
data = "/var/lib/stayput"
resources = "registers"

[limits]
records_per_session = 1_000
records_per_day = 2_000
sessions_per_minute = 3
attempts_per_subject = 4
miss_ratio = 0.057
miss_sample = 60
sequence_run = 7
count_minimum = 8
noise_epsilon = 0.9
noise_budget = 10

[policy]
require_security_agreement = false

[receipts]
grace_hours = 8

[replicas]
listen = "0.0.0.0:7444"
advertise = "vehicles.internal:7444"
addresses = ["r1.example:7443", "[2001:db9::1]:7443"]
"""
LEAST = """\
[node]
id = "vehicles-1"
department = "traffic-police"
"""


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "node.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problem(directory: Path, text: str | bytes) -> StayputError:
    with pytest.raises(StayputError) as caught:
        load_node(written(directory, text))
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    return caught.value


def test_everything_is_read(tmp_path: Path) -> None:
    config = load_node(written(tmp_path, WHOLE))
    assert config.node.id == "vehicles-1"
    assert config.node.department == "traffic-police"
    assert config.node.listen == "[::1]:0"
    assert config.node.advertise == "vehicles.example:7443"
    assert config.node.comparator == "platform.example:7000"
    assert config.limits.message() == Limits(
        records_per_session=1_000,
        records_per_day=2_000,
        sessions_per_minute=3,
        attempts_per_subject=4,
        miss_permille=57,
        miss_sample=60,
        sequence_run=7,
        count_minimum=8,
        noise_epsilon_milli=900,
        noise_budget_milli=10_000,
    )
    assert not config.policy.require_security_agreement
    assert config.receipts.grace_hours == 8
    assert config.replicas.listen == "0.0.0.0:7444"
    assert config.replicas.advertise == "vehicles.internal:7444"
    assert config.replicas.addresses == ["r1.example:7443", "[2001:db9::1]:7443"]


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    config = load_node(written(tmp_path, LEAST))
    assert config.node.listen == "0.0.0.0:7443"
    assert config.node.advertise is None
    assert config.node.comparator is None
    assert config.limits.message() == Limits()
    assert config.policy.require_security_agreement
    assert config.receipts.grace_hours == 4
    assert (config.replicas.listen, config.replicas.advertise, config.replicas.addresses) == (None, None, [])


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    least = load_node(written(tmp_path, LEAST))
    assert (least.node.data, least.node.resources) == (tmp_path / "data", tmp_path / "resources")
    whole = load_node(written(tmp_path, WHOLE))
    assert (whole.node.data, whole.node.resources) == (Path("/var/lib/stayput"), tmp_path / "registers")


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    assert load_node(written(tmp_path, b"\xef\xbb\xbf" + LEAST.encode())).node.id == "vehicles-1"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('id = "vehicles-1"', "", ":2: node.id: is missing"),
        ('id = "vehicles-1"', 'id = "Vehicles 1"', ":3: node.id: must be 2 to 63 characters"),
        ('id = "vehicles-1"', "id = 17", ":3: node.id: input should be a valid string"),
        ('listen = "[::1]:0"', 'listen = "7443"', ":5: node.listen: must be host:port"),
        ('listen = "[::1]:0"', 'listen = "::1:7443"', ":5: node.listen: must be host:port"),
        ('listen = "[::1]:0"', 'listen = "a.example:65536"', ":5: node.listen: must be host:port"),
        ("vehicles.example:7443", "vehicles.example:0", ":6: node.advertise: port 0 cannot be called"),
        ('resources = "registers"', 'resources = ""', ":9: node.resources: must be a path"),
        ("agreement = false", "agreement = 0", ":24: policy.require_security_agreement: input should be a"),
        ("require_", "requires_", ":24: policy.requires_security_agreement: unknown key; did you mean"),
        ("miss_ratio", "miss_permille", ":16: limits.miss_permille: unknown key"),
        ("grace_hours = 8", "grace_hours = 1000", ":27: receipts.grace_hours: input should be less"),
        ("advertise =", "advertize =", ":6: node.advertize: unknown key; did you mean 'advertise'?"),
        ("[receipts]", "[reciepts]", ":26: reciepts: unknown key; did you mean 'receipts'?"),
        ("grace_hours", "colour", ":27: receipts.colour: unknown key; known are grace_hours"),
        ('listen = "0.0.0.0:7444"', "", ":29: replicas: needs `listen`: without it the node has no replicas"),
        ("vehicles.internal:7444", "vehicles.internal:0", ":31: replicas.advertise: port 0 cannot be called"),
        ("r1.example:7443", "r1.example:0", ":32: replicas.addresses.0: port 0 cannot be called"),
        ("r1.example:7443", "[2001:db9::1]:7443", ":29: replicas: `addresses` must name each once"),
        (
            '"r1.example:7443"',
            ", ".join(f'"r1.example:{port}"' for port in range(1, 65)),
            ":32: replicas.addresses: list should have at most 64",
        ),
        ("[node]", "[nodes]\n[node", ":3: not TOML: "),
    ],
)
def test_a_fault_is_told_by_line_and_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in WHOLE
    error = problem(tmp_path, WHOLE.replace(old, new))
    assert f"{tmp_path / 'node.toml'}{expected}" in error.message


def test_every_fault_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = problem(tmp_path, WHOLE.replace("grace_hours = 8", "hours = 8").replace("[::1]:0", "nowhere"))
    assert [line.split(": ")[1] for line in error.message.splitlines()] == ["node.listen", "receipts.hours"]
    assert error.field == "node.listen"


def test_a_line_inside_a_long_string_is_no_key(tmp_path: Path) -> None:
    text = 'note = """\nid = 1\n[limits]\n"""\n' + LEAST.replace("vehicles-1", "!")
    message = problem(tmp_path, text).message
    assert ":1: note: unknown key" in message
    assert ":6: node.id: must be" in message


@pytest.mark.parametrize(
    ("text", "line"),
    [("limits.records_per_day = 0\n" + LEAST, 1), (LEAST + '["limits"]\n"records_per_day" = 0', 5)],
)
def test_dotted_and_quoted_keys_are_found(tmp_path: Path, text: str, line: int) -> None:
    assert f":{line}: limits.records_per_day: " in problem(tmp_path, text).message


def test_the_value_is_never_told(tmp_path: Path) -> None:
    for old in ('"vehicles-1"', '"[::1]:0"', "2_000", "0.057", "8"):
        assert "Geheim" not in problem(tmp_path, WHOLE.replace(old, '"Geheim"')).message


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match=r"absent\.toml: cannot be read: No such file"):
        load_node(tmp_path / "absent.toml")


def test_text_that_is_not_utf8_is_told_by_line(tmp_path: Path) -> None:
    assert ":4: not UTF-8 text" in problem(tmp_path, LEAST.encode() + b"# \xd6\xd0").message
