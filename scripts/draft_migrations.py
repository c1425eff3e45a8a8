"""Drafts the first migrations anew from the tables; only before the first release."""

import importlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ROOT / "rider_hub" / "storage" / "migrations" / "versions"
STEPS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("0001", "ground", ("access", "messages", "runs", "consent")),
    ("0002", "places", ("divisions", "organizations", "lovestations")),
    ("0003", "riders", ("riders", "intake")),
    ("0004", "assignments", ("assignments",)),
    ("0005", "services", ("requests", "membership", "outreach")),
)
HEAD = '''"""{title}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of {names}."""
'''


def main() -> None:
    """Write one migration a step, each holding the tables its capabilities add."""
    sys.path.insert(0, str(ROOT))
    from rider_hub.storage.metadata import metadata, private_metadata  # noqa: PLC0415 - needs the path above

    seen: set[str] = set()
    down = "None"
    for revision, title, capabilities in STEPS:
        for name in capabilities:
            importlib.import_module(f"rider_hub.{name}.tables")
        tables = {*metadata.tables, *private_metadata.tables}
        code = _draft([metadata, private_metadata], tables - seen)
        head = HEAD.format(
            title=f"The tables of {', '.join(capabilities)}.",
            revision=revision,
            down=down,
            names=", ".join(capabilities),
        )
        (VERSIONS / f"{revision}_{title}.py").write_text(head + code + "\n", "utf-8")
        seen, down = tables, f'"{revision}"'
    ruff = ROOT / ".venv" / "bin" / "ruff"
    subprocess.run([ruff, "format", "-q", VERSIONS], check=True)


def _draft(metadata: Sequence[sa.MetaData], wanted: set[str]) -> str:
    def only(obj: object, _name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or getattr(obj, "key", "") in wanted

    with sa.create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"target_metadata": list(metadata), "include_object": only}
        )
        script = produce_migrations(context, list(metadata))
        assert script.upgrade_ops is not None  # noqa: S101 - always there after produce_migrations
        code = render_python_code(script.upgrade_ops)
    code = code.replace("rider_hub.storage.metadata.UtcDateTime(", "sa.DateTime(")
    code = re.sub(r"^\s*# ###.*\n?", "", code, flags=re.MULTILINE).strip("\n")
    return code if code.startswith("    ") else "    " + code


if __name__ == "__main__":
    main()
