"""Loading every table of the hub into the two sets, for what works on all of them."""

import importlib
from pathlib import Path

import rider_hub

__all__ = ["load_all_tables"]


def load_all_tables() -> None:
    """Import the tables of every capability, by the end of its file name."""
    root = Path(rider_hub.__path__[0])
    for path in sorted(root.rglob("*tables.py")):
        importlib.import_module(".".join(["rider_hub", *path.relative_to(root).with_suffix("").parts]))
