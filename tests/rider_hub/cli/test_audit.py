"""audit verify and audit export, as an operator and an auditor use them."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from rider_hub.access import Hub, Keyring, Role
from rider_hub.access.tables import audit_row
from rider_hub.access.users import add_user
from rider_hub.cli.audit import audit
from rider_hub.clock import SystemClock
from rider_hub.settings import Settings
from rider_hub.storage import Database
from tests.factories import staff
from tests.rider_hub.access.trail import sealed_trail

DOCS = Path(__file__).parents[3] / "docs" / "audit.md"


@pytest.fixture(params=["intl", "sm"])
def env(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """Make a hub with keys of either suite, an audit administrator and a sealed trail; give its settings."""
    keys = Keyring.new(request.param)
    keys.save(tmp_path / "keys.json")

    async def fill() -> None:
        database = Database(database_url)
        hub = Hub(Settings(data_dir=tmp_path, database_url=database_url), SystemClock(), database, keys)
        await add_user(
            hub,
            staff(Role.SYSTEM_ADMIN),
            username="shenji",
            display_name="审计员",
            password="long enough 1",
            roles=[Role.AUDIT_ADMIN],
        )
        await sealed_trail(hub)
        await database.close()

    asyncio.run(fill())
    return {"RIDER_HUB_DATABASE_URL": database_url, "RIDER_HUB_DATA_DIR": str(tmp_path)}


def _run(env: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(audit, arguments, env=env)


def _change(env: dict[str, str]) -> str:
    """Change one sealed row in the database and return its id."""

    async def change() -> str:
        database = Database(env["RIDER_HUB_DATABASE_URL"])
        async with database.write() as connection:
            row = (await connection.execute(select(audit_row.c.id).where(audit_row.c.seal_no == 2))).scalars()
            row_id = str(next(iter(row)))
            await connection.execute(
                update(audit_row).where(audit_row.c.id == row_id).values(actor="user:innocent")
            )
        await database.close()
        return row_id

    return asyncio.run(change())


def test_verify_says_what_is_wrong_and_ends_with_status_1(env: dict[str, str]) -> None:
    """A clean trail is status 0; a changed row is named, in words and as JSON, with status 1."""
    clean = _run(env, "verify", "--json")
    assert (clean.exit_code, json.loads(clean.stdout)["faults"]) == (0, 0)
    assert json.loads(clean.stdout)["seals"] == 4
    row_id = _change(env)
    told = _run(env, "verify")
    assert told.exit_code == 1
    assert row_id in told.stdout
    report = json.loads(_run(env, "verify", "--json").stdout)
    assert [(one["code"], one["row"], one["seal"]) for one in report["findings"]] == [("row_mac", row_id, 2)]


def _recipe(tmp_path: Path) -> Path:
    """Take the auditor's recipe out of the documentation."""
    code = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert code is not None
    path = tmp_path / "recipe.py"
    path.write_text(code[1], "utf-8")
    return path


def test_an_export_is_verified_by_the_documented_recipe(env: dict[str, str], tmp_path: Path) -> None:
    """The recipe, run as documented, finds nothing in an export and finds a changed line in it."""
    out = tmp_path / "out.ndjson"
    arguments = ["export", "--from", "2020-01-01", "--to", "2099-01-01", "--out", str(out), "--as", "shenji"]
    result = _run(env, *arguments)
    assert result.exit_code == 0, result.output
    assert out.stat().st_mode & 0o777 == 0o600
    recipe = [sys.executable, str(_recipe(tmp_path)), str(out), str(tmp_path / "keys.json")]
    assert subprocess.run(recipe, capture_output=True, text=True, check=True).stdout == "bad: 0 gaps: []\n"
    out.write_text(out.read_text("utf-8").replace("user:tester", "user:teaser", 1), "utf-8")
    assert "bad: 1 " in subprocess.run(recipe, capture_output=True, text=True, check=True).stdout


def test_an_export_is_itself_in_the_trail_and_only_for_auditors(env: dict[str, str], tmp_path: Path) -> None:
    """The export leaves a row and seals it; a second one says that own rows are another's to review."""
    out = tmp_path / "one"
    span = ["--from", "2020-01-01", "--to", "2099-01-01", "--as", "shenji"]
    assert _run(env, "export", *span, "--out", str(out)).exit_code == 0
    refused = _run(env, "export", *span, "--out", str(out))
    assert refused.exit_code == 1
    assert "不会覆盖" in refused.output
    again = _run(env, "export", *span, "--out", str(tmp_path / "two"))
    assert "另一位审计管理员" in again.output
    rows = [json.loads(line) for line in (tmp_path / "two").read_text("utf-8").splitlines()]
    signed = [json.loads(row["signed"]) for row in rows if row["kind"] == "row"]
    own = [row for row in signed if row["actor"] == "user:shenji"]
    assert [row["operation"] for row in own] == ["audit.export"]
    assert _run(env, "verify").exit_code == 0
