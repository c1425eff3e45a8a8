"""serve: what the command line says of the address is what the settings are checked with."""

import pytest
from click.testing import CliRunner

from rider_hub.cli import serving
from rider_hub.settings import Settings


@pytest.mark.parametrize(("host", "secure"), [("0.0.0.0", True), ("127.0.0.1", False)])  # noqa: S104 - named only
def test_cookies_are_secure_on_every_address_but_loopback(
    monkeypatch: pytest.MonkeyPatch, host: str, secure: bool
) -> None:
    """An address given on the command line counts like one from the environment."""
    seen: list[Settings] = []

    async def note(settings: Settings) -> None:
        seen.append(settings)

    monkeypatch.setattr(serving, "_serve", note)
    monkeypatch.setattr(serving, "configure", lambda **_: None)
    monkeypatch.delenv("RIDER_HUB_SECURE_COOKIES", raising=False)
    result = CliRunner().invoke(serving.serve, ["--host", host, "--port", "8199"])
    assert result.exit_code == 0, result.output
    assert [(one.host, one.port, one.secure_cookies) for one in seen] == [(host, 8199, secure)]
