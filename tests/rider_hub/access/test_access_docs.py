"""docs/access.md says what the policy says; run as a module it prints the table."""

import sys
from pathlib import Path

from rider_hub.access import Role
from rider_hub.access.policy import OPERATIONS

_DOCS = Path(__file__).parents[3] / "docs" / "access.md"
_BEGIN, _END = "<!-- policy:begin -->\n", "<!-- policy:end -->"


def policy_table() -> str:
    """Return the policy as a Markdown table, operation by operation, roles in words."""
    rows = []
    for operation, roles in sorted(OPERATIONS.items()):
        everyone = roles == frozenset(Role)
        words = "所有人" if everyone else "、".join(role.title_zh for role in Role if role in roles)
        rows.append(f"| `{operation}` | {words} |")
    return "\n".join(["| operation | who |", "|---|---|", *rows]) + "\n"


def test_the_documented_table_is_the_policys() -> None:
    """The table of roles is the one that decides; a changed rule must be written down."""
    text = _DOCS.read_text("utf-8")
    written = text.partition(_BEGIN)[2].partition(_END)[0]
    assert written == policy_table(), "python -m tests.rider_hub.access.test_access_docs prints the new table"


if __name__ == "__main__":
    sys.stdout.write(policy_table())
