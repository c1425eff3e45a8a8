"""What pages are made of: shell, ledger, export, map, chart, form, problem page; knows no capability."""

from rider_hub.web.assets import static_routes, static_url
from rider_hub.web.charts import Chart
from rider_hub.web.export import Sheet, SheetColumn, attachment, write_workbook
from rider_hub.web.forms import Form, read_form
from rider_hub.web.headers import security_headers
from rider_hub.web.ledger import Action, Column, Ledger, LedgerView, ledger_routes, ledger_view
from rider_hub.web.maps import Layer, Map, Tiles
from rider_hub.web.problems import problem_response, problems
from rider_hub.web.query import Choice, Page, Query, Text
from rider_hub.web.shell import SHELL, MenuItem, Shell, Top, is_fragment, render
from rider_hub.web.values import Link, State, Tone

__all__ = [
    "SHELL",
    "Action",
    "Chart",
    "Choice",
    "Column",
    "Form",
    "Layer",
    "Ledger",
    "LedgerView",
    "Link",
    "Map",
    "MenuItem",
    "Page",
    "Query",
    "Sheet",
    "SheetColumn",
    "Shell",
    "State",
    "Text",
    "Tiles",
    "Tone",
    "Top",
    "attachment",
    "is_fragment",
    "ledger_routes",
    "ledger_view",
    "problem_response",
    "problems",
    "read_form",
    "render",
    "security_headers",
    "static_routes",
    "static_url",
    "write_workbook",
]
