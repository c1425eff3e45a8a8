"""A platform to try the hub against: it speaks any manifest, with faults to order, and stores nothing."""

from connectors.simulator.documents import csv_document, workbook_document
from connectors.simulator.faults import Faults, source_rows
from connectors.simulator.server import PlatformServer

__all__ = ["Faults", "PlatformServer", "csv_document", "source_rows", "workbook_document"]
