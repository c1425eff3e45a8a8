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


def test_every_test_that_a_promise_names_exists() -> None:
    """docs/promises.md names files and functions that are there; "::name" goes on with the file before it."""
    text = (ROOT / "docs" / "promises.md").read_text("utf-8")
    missing, file = [], ""
    for path, name in re.findall(r"`(tests/[a-z_/]+\.py)?(?:::(test_[a-z0-9_]+))?`", text):
        file = path or file
        if not file or (not path and not name):
            continue
        source = (ROOT / file).read_text("utf-8") if (ROOT / file).is_file() else ""
        if not source or (name and f"def {name}(" not in source):
            missing.append(f"{file}::{name}")
    assert missing == []
