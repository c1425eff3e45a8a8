"""Settings from the environment."""

from pathlib import Path

import pytest

from rider_hub.access.actor import STAFF_ROLES
from rider_hub.errors import SettingsError
from rider_hub.settings import Settings
from rider_hub.settings_values import STAFF_ROLES as SETTABLE


def test_defaults_make_an_embedded_hub_on_loopback() -> None:
    """With nothing set the hub is a SQLite file on this machine, reachable from this machine."""
    settings = Settings.from_env({})
    assert settings.url.startswith("sqlite+aiosqlite:///")
    assert settings.host == "127.0.0.1"
    assert not settings.secure_cookies


def test_every_fault_is_told_at_once() -> None:
    """An operator mends all settings in one go."""
    env = {
        "RIDER_HUB_PORT": "eighty",
        "RIDER_HUB_SUITE": "rot13",
        "RIDER_HUB_DATABASE_URL": "mysql://x",
        "RIDER_HUB_JOBS_INSIDE": "maybe",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    assert {fault.path for fault in caught.value.errors} == set(env)


def test_cookies_are_secure_off_loopback() -> None:
    """A hub that others can reach marks its cookies Secure unless told otherwise."""
    assert Settings.from_env({"RIDER_HUB_HOST": "0.0.0.0"}).secure_cookies  # noqa: S104 - the case itself


@pytest.mark.parametrize(
    "address", ["10.0.0.1:8786", "http://10.0.0.1:8786", "tcp://10.0.0.1", "tcp://a b:1"]
)
def test_a_scheduler_is_an_address_of_dask(address: str) -> None:
    """What Dask could not read is told at the start, not at night."""
    assert Settings.from_env({"RIDER_HUB_DASK_SCHEDULER": "tls://dask:8786"}).dask_scheduler
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"RIDER_HUB_DASK_SCHEDULER": address})
    assert [fault.path for fault in caught.value.errors] == ["RIDER_HUB_DASK_SCHEDULER"]


def _signed_on(tmp_path: Path, **changed: str) -> dict[str, str]:
    (tmp_path / "secret").write_text("a secret\n")
    env = {
        "PUBLIC_URL": "https://hub.example",
        "OIDC_ISSUER": "https://id.example/realms/county",
        "OIDC_CLIENT_ID": "rider-hub",
        "OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        **changed,
    }
    return {f"RIDER_HUB_{name}": value for name, value in env.items()}


def test_single_sign_on_is_read_as_a_whole(tmp_path: Path) -> None:
    """The secret comes from its file, the way back from the public address."""
    read = Settings.from_env(_signed_on(tmp_path, OIDC_SECOND_FACTORS="mfa, otp")).sign_on
    assert read is not None
    assert (read.client_secret, read.redirect_uri) == ("a secret", "https://hub.example/login/sso/callback")
    assert (read.algorithms, read.scopes, read.second_factors) == (
        ("RS256",),
        "openid profile",
        {"mfa", "otp"},
    )
    assert Settings.from_env({}).sign_on is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://id.example"),
        ("OIDC_ISSUER", "https://id.example/?x"),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_CLIENT_SECRET_FILE", ""),
        ("OIDC_CLIENT_SECRET_FILE", "/nowhere/secret"),
        ("OIDC_ALGORITHMS", "none"),
        ("OIDC_ALGORITHMS", "RS256, HS256"),
        ("OIDC_ALGORITHMS", ""),
        ("PUBLIC_URL", ""),
    ],
)
def test_a_doubtful_setting_of_single_sign_on_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    """Plain http, no secret, an algorithm that proves nothing, no public address: told by name."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(_signed_on(tmp_path, **{name: value}))
    assert {fault.path for fault in caught.value.errors} == {f"RIDER_HUB_{name}"}


def _streaming(tmp_path: Path, **changed: str) -> dict[str, str]:
    (tmp_path / "secret").write_text("a secret\n")
    env = {
        "BROKERS": "kafka-1:9092, [::1]:9092",
        "SECURITY": "sasl_ssl",
        "USER": "hub",
        "PASSWORD_FILE": str(tmp_path / "secret"),
        **changed,
    }
    return {f"RIDER_HUB_KAFKA_{name}": value for name, value in env.items()}


def test_streams_are_read_as_a_whole(tmp_path: Path) -> None:
    """The password comes from its file and stands in no text of the settings; no brokers, no streams."""
    read = Settings.from_env(_streaming(tmp_path, INSTANCE="hub-1")).streams
    assert read is not None
    assert (read.cluster.brokers, read.cluster.security) == (("kafka-1:9092", "[::1]:9092"), "SASL_SSL")
    assert read.cluster.options()["sasl_plain_password"] == "a secret"
    assert (read.group.name, read.group.instance, read.dead_letter_suffix) == ("rider-hub", "hub-1", ".dlq")
    assert "a secret" not in repr(read)
    assert Settings.from_env({}).streams is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKERS", "kafka-1"),
        ("SECURITY", "TLS"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("MECHANISM", "GSSAPI"),
        ("USER", ""),
        ("PASSWORD_FILE", "/nowhere/secret"),
        ("GROUP", "a group"),
        ("SESSION_SECONDS", "0"),
        ("DEAD_LETTER_SUFFIX", "dlq"),
    ],
)
def test_a_doubtful_setting_of_streams_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    """Each is told by name."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(_streaming(tmp_path, **{name: value}))
    assert {fault.path for fault in caught.value.errors} == {f"RIDER_HUB_KAFKA_{name}"}


def test_bounds_of_sessions_and_passwords_are_kept() -> None:
    """Idle time, absolute time and password age can't be set past what the rules allow."""
    env = {
        "RIDER_HUB_SESSION_IDLE_MINUTES": "31",
        "RIDER_HUB_SESSION_HOURS": "13",
        "RIDER_HUB_PASSWORD_DAYS": "366",
        "RIDER_HUB_SECOND_FACTOR_ROLES": "county_staff, king",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    assert {fault.path for fault in caught.value.errors} == set(env)


def test_roles_that_need_a_second_factor_are_staff_roles() -> None:
    """A setting may name the roles a staff account may have; by default administrators and county staff."""
    assert {str(role) for role in STAFF_ROLES} == SETTABLE
    assert Settings.from_env({"RIDER_HUB_SECOND_FACTOR_ROLES": "none"}).second_factor_roles == ()
    assert set(Settings.from_env({}).second_factor_roles) > {"system_admin", "security_admin", "audit_admin"}
