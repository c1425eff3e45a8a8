"""The workbook a station's clerk begins with: its riders as the platform numbers them, and how to fill it in.

It leaves by a link that proves no person, so no name, phone or number of a rider is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any, Final

import xlsxwriter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.records import Tier
from rider_hub.clock import SHANGHAI
from rider_hub.intake.station_form import EMPLOYMENTS, OPS, columns_of
from rider_hub.riders.model import RegistrationState
from rider_hub.riders.tables import registration

__all__ = ["Template", "riders_at", "write_template"]

_SPARE: Final = 500
_OFFERED: Final = tuple(OPS)[:3]
_WIDTHS: Final = {"platform_rider_ref": 22, "op": 10, "name": 14, "phone": 16, "updated_at": 28}
_EXAMPLES: Final = {
    "platform_rider_ref": "R-10086",
    "op": "新增",
    "name": "示例甲",
    "phone": "13900000000",
    "effective_at": "2026-11-01",
    "employment": "专送",
}


@dataclass(frozen=True)
class Template:
    """A station, and its riders: each the platform's reference and the employment."""

    platform_name: str
    station_name: str
    station_ref: str
    tier: Tier
    as_of: datetime
    riders: Sequence[tuple[str, str]]


async def riders_at(connection: AsyncConnection, platform: str, station_ref: str) -> list[tuple[str, str]]:
    """Return reference and employment of the riders who are registered at a station, by reference."""
    c = registration.c
    query = select(c.platform_rider_ref, c.employment).where(
        c.platform == platform, c.station_ref == station_ref, c.state == RegistrationState.ACTIVE
    )
    rows = await connection.execute(query.order_by(c.platform_rider_ref))
    return [(row.platform_rider_ref, row.employment or "") for row in rows]


def write_template(it: Template) -> bytes:
    """Return the workbook: the riders' sheet first, as it is the one that is read, then the notes."""
    target = BytesIO()
    with (
        TemporaryDirectory(prefix="rider-hub-template-") as folder,
        xlsxwriter.Workbook(target, {"tmpdir": folder, "strings_to_formulas": False}) as book,
    ):
        # As of the form, not of the machine's clock: the same content is the same bytes.
        book.set_properties({"created": it.as_of.astimezone(UTC).replace(tzinfo=None)})
        _write_riders(book, it)
        _write_notes(book, it)
    return target.getvalue()


def _write_riders(book: Any, it: Template) -> None:
    sheet = book.add_worksheet("骑手名单")
    text = book.add_format({"num_format": "@"})
    ours = book.add_format({"num_format": "@", "font_color": "#767676"})
    head = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1, "num_format": "@"})
    words = {code: word for word, code in EMPLOYMENTS.items()}
    as_of = it.as_of.astimezone(SHANGHAI).isoformat(timespec="seconds")
    columns = columns_of(it.tier)
    last = len(it.riders) + _SPARE
    for at, (field, title, note) in enumerate(columns):
        # The whole column is text, so that a number pasted into it keeps every digit.
        sheet.set_column(at, at, _WIDTHS.get(field, 14), ours if field == "updated_at" else text)
        sheet.write_string(0, at, title, head)
        told = {"input_title": title, "input_message": note, "ignore_blank": True}
        offered = {"op": _OFFERED, "employment": ("专送",)}.get(field)
        rule = {"validate": "list", "source": list(offered)} if offered else {"validate": "any"}
        sheet.data_validation(1, at, last, at, {**rule, **told})
    for line, (ref, employment) in enumerate(it.riders, 1):
        known = {
            "platform_rider_ref": ref,
            "employment": words.get(employment, employment),
            "station_ref": it.station_ref,
            "updated_at": as_of,
        }
        for at, (field, _, _) in enumerate(columns):
            if field in known:
                sheet.write_string(line, at, known[field], ours if field == "updated_at" else text)
    sheet.freeze_panes(1, 1)


def _write_notes(book: Any, it: Template) -> None:
    sheet = book.add_worksheet("填写说明")
    title = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1})
    cell = book.add_format({"text_wrap": True, "valign": "top", "border": 1, "num_format": "@"})
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, 60)
    sheet.set_column(2, 2, 22)
    sheet.write_string(0, 0, f"{it.platform_name} {it.station_name}（站点编号 {it.station_ref}）", title)
    for line, words in enumerate(_STEPS, 1):
        sheet.write_string(line, 0, words)
    top = len(_STEPS) + 2
    for at, words in enumerate(("列", "怎么填", "示例")):
        sheet.write_string(top, at, words, head)
    for line, (field, heading, note) in enumerate(columns_of(it.tier), top + 1):
        for at, words in enumerate((heading, note, _EXAMPLES.get(field, ""))):
            sheet.write_string(line, at, words, cell)


_STEPS: Final = (
    "只填“骑手名单”这一页；表里已有的骑手没有变化就不用动，也不用删。",
    "新来的骑手在下面空行里加；离开的在“变动”里写“离开”，不要删掉那一行。",
    "不要加列。政治面貌、宗教、健康、证件照片、行踪等内容一律不收，写了的整行退回，不留存。",
    "填好保存，回到下载本表的页面上传。",
)
