"""What the documents say stands in the code, and the other way round."""

import re
from pathlib import Path

from rider_hub.access.policy import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    """docs/settings.md lists exactly the variables that the settings read."""
    sources = (ROOT / "rider_hub").glob("settings*.py")
    read = {name for path in sources for name in re.findall(r"RIDER_HUB_[A-Z_]+", path.read_text("utf-8"))}
    told = set(re.findall(r"`(RIDER_HUB_[A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text("utf-8")))
    assert told == {name for name in read if not name.endswith("_")}


def test_links_between_documents_lead_somewhere() -> None:
    """No relative link in a document points to a file that isn't there."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    broken = [
        f"{path.name}: {target}"
        for path in documents
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_policy_names_who_may_do_each_operation() -> None:
    """No operation stands in the policy without a role that may do it."""
    assert [operation for operation, roles in OPERATIONS.items() if not roles] == []
