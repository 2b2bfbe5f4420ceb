"""`comparator.toml`: the sample, and errors that name file, line and key but never a value."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from comparator.config import Config, LogKeeping, Validity, line_of, listening, load, parse, render
from stayput.errors import StayputError

_LEAST = 'data = "d"\nlisten = "127.0.0.1:7443"\nenrolment_listen = "127.0.0.1:7444"\n'


def _sample(advertise: str | None = None) -> str:
    return render(Path("data"), "127.0.0.1:7443", "127.0.0.1:7444", advertise, advertise)


def _refused(text: str) -> StayputError:
    with pytest.raises(StayputError) as caught:
        parse(text, Path("comparator.toml"))
    assert caught.value.reason_name == "CONFIGURATION_INVALID"
    return caught.value


def test_the_sample_is_a_configuration_with_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "comparator.toml"
    path.write_text(_sample(), "utf-8")
    config = load(path)
    assert config.data == tmp_path / "data"
    assert config.database_url.database == str(tmp_path / "data" / "comparator.db")
    assert config.validity == Validity()
    assert config.log == LogKeeping()
    assert config.log.retention_days == 1_096
    assert config.require_security_agreement is True
    assert (config.advertise, config.enrolment_advertise, config.database) == (None, None, None)


def test_every_key_is_in_the_sample() -> None:
    everything = re.sub(r"^# (\w+ = )", r"\1", _sample(), flags=re.MULTILINE)
    config = parse(everything, Path("comparator.toml"))
    assert config.model_fields_set == set(Config.model_fields)
    assert config.validity.model_fields_set == set(Validity.model_fields)
    assert config.log.model_fields_set == set(LogKeeping.model_fields)
    assert config.database_url.get_backend_name() == "postgresql"


def test_the_sample_with_addresses_to_dial() -> None:
    config = parse(_sample("comparator.example:1"), Path("comparator.toml"))
    assert config.advertise == config.enrolment_advertise == "comparator.example:1"


@given(st.text(min_size=1))
@example("\x7f")
def test_any_data_directory_is_written_as_toml(name: str) -> None:
    config = parse(render(Path(name), "h:1", "h:2", None, None), Path("/etc/comparator.toml"))
    assert config.data == Path("/etc") / Path(name)


def test_security_agreements_are_demanded_unless_said_otherwise() -> None:
    path = Path("comparator.toml")
    assert parse(_LEAST, path).require_security_agreement is True
    assert parse(f"{_LEAST}require_security_agreement = false\n", path).require_security_agreement is False


def test_a_password_is_not_shown() -> None:
    config = parse(f'{_LEAST}database = "postgresql+psycopg://u:secret@h/d"\n', Path("comparator.toml"))
    assert "secret" not in repr(config)
    assert "secret" not in str(config.database_url)


@pytest.mark.parametrize(
    ("more", "line", "key", "hint"),
    [
        ("advertize = 1\n", 4, "advertize", "did you mean advertise?"),
        ("\n[validity]\nticket_second = 9\n", 6, "validity.ticket_second", "did you mean ticket_seconds?"),
        ("colour = 1\n", 4, "colour", "known keys: data, listen"),
        ('[[other]]\nx = "secret"\n', 5, "other", "known keys"),
        ('advertise = "secret"\n', 4, "advertise", "correct the value of advertise"),
        ('advertise = "secret.example:0"\n', 4, "advertise", "correct"),
        ('database = "secret"\n', 4, "database", "correct"),
        ("database = 4711\n", 4, "database", "correct"),
        ('database = "postgresql+psycopg://u:secret/d"\n', 4, "database", "correct"),
        ('database = "postgresql://u:secret@h/d"\n', 4, "database", "correct"),
        ('database = "mysql+pymysql://u:secret@h/d"\n', 4, "database", "correct"),
        ("[validity]\ncertificate_days = 398\n", 5, "validity.certificate_days", "correct"),
        ("[validity]\ninvitation_hours = 0\n", 5, "validity.invitation_hours", "correct"),
        ('[validity]\nticket_seconds = "601"\n', 5, "validity.ticket_seconds", "correct"),
        ("[validity]\nticket_seconds = 601\n", 5, "validity.ticket_seconds", "correct"),
        ("validity = 3\n", 4, "validity", "correct"),
        ("[log]\nretention_days = 36526\n", 5, "log.retention_days", "correct"),
        ('[log]\nretention_days = "1096"\n', 5, "log.retention_days", "correct"),
        ("[log]\nretention_day = 1096\n", 5, "log.retention_day", "did you mean retention_days?"),
        ("require_security_agreement = 0\n", 4, "require_security_agreement", "correct"),
        ("require_agreement = true\n", 4, "require_agreement", "did you mean require_security_agreement?"),
    ],
)
def test_a_wrong_key_is_named_with_file_and_line(more: str, line: int, key: str, hint: str) -> None:
    error = _refused(_LEAST + more)
    assert error.message.startswith(f"comparator.toml, line {line}: {key}")
    assert hint in error.remedy
    assert "secret" not in error.message + error.remedy
    assert "4711" not in error.message + error.remedy


def test_the_log_is_kept_for_two_years_at_least() -> None:
    path = Path("comparator.toml")
    assert parse(f"{_LEAST}[log]\nretention_days = 731\n", path).log.retention_days == 731
    error = _refused(f"{_LEAST}[log]\nretention_days = 730\n")
    assert error.message == (
        "comparator.toml, line 5: log.retention_days: must be at least 731: the log is kept at least 2 years"
    )


@pytest.mark.parametrize("key", ["data", "listen", "enrolment_listen"])
def test_a_missing_key_is_named(key: str) -> None:
    error = _refused("".join(line for line in _LEAST.splitlines(True) if not line.startswith(f"{key} ")))
    assert error.message == f"comparator.toml: {key} is missing"


def test_broken_toml_is_told_with_its_line() -> None:
    assert "line 4" in _refused(_LEAST + "listen = = 1\n").message


def test_a_wildcard_needs_an_address_to_dial() -> None:
    text = _LEAST.replace("127.0.0.1:7444", "0.0.0.0:7444")
    assert "enrolment_advertise is missing" in _refused(text).message
    assert parse(text + 'enrolment_advertise = "h:1"\n', Path("comparator.toml")).advertise is None


def test_other_listen_addresses(tmp_path: Path) -> None:
    config = parse(_LEAST, tmp_path)
    other = listening(config, tmp_path, "127.0.0.1:1", None)
    assert (other.listen, other.enrolment_listen) == ("127.0.0.1:1", config.enrolment_listen)
    with pytest.raises(StayputError, match="--enrolment-listen"):
        listening(config, tmp_path, None, "nowhere")
    with pytest.raises(StayputError, match="advertise is missing"):
        listening(config, tmp_path, "0.0.0.0:1", None)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StayputError) as caught:
        load(tmp_path / "comparator.toml")
    assert "comparator init" in caught.value.remedy


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "gbk.toml").write_bytes("名".encode("gbk"))
    with pytest.raises(StayputError, match="not UTF-8"):
        load(tmp_path / "gbk.toml")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, Path("comparator.toml"))
    except StayputError as error:
        assert error.reason_name == "CONFIGURATION_INVALID"  # noqa: PT017 (most texts are refused, not all)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_a_line_is_always_one_of_the_files(text: str, keys: list[str]) -> None:
    assert 0 <= line_of(text, keys) <= len(text.splitlines())
