"""A platform to try the hub against: it speaks any manifest, with faults to order, and stores nothing."""

from connectors.simulator.documents import csv_document, workbook_document
from connectors.simulator.dropping import Form, document, drop_files
from connectors.simulator.faults import Faults, source_rows
from connectors.simulator.sending import Target, push_parts
from connectors.simulator.server import PlatformServer
from connectors.simulator.versions import history, newest
from connectors.simulator.world import Community, World, communities_of, parts

__all__ = [
    "Community",
    "Faults",
    "Form",
    "PlatformServer",
    "Target",
    "World",
    "communities_of",
    "csv_document",
    "document",
    "drop_files",
    "history",
    "newest",
    "parts",
    "push_parts",
    "source_rows",
    "workbook_document",
]
