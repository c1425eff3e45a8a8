"""A platform with stations of two partners and one of its own, riders at each, and files handed in."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, select

from connectors.transport.files import read_rows
from rider_hub.access import Actor, Hub, Role, Scope
from rider_hub.intake.model import Receipt
from rider_hub.intake.uploading import HandedIn, take_upload
from rider_hub.riders.tables import registration
from tests.factories import staff
from tests.rider_hub.intake.build import bring_in_county, push, rider, sender_of, station

__all__ = ["AT", "P", "Q", "bring_in", "csv_of", "given", "hand_in", "partner_account", "rows_of"]

P, Q = "某速配送公司", "某达配送公司"
#: Rider number → station: of P, of Q, of P again, of the platform itself, of none.
AT = {1: "S-1", 2: "S-1", 3: "S-2", 4: "S-3", 5: "S-4", 6: None}
_PARTNERS = {1: P, 2: Q, 3: P, 4: None}


async def bring_in(hub: Hub, **agreement: Any) -> Any:
    """Bring in the county, the platform ding, its stations and riders, two of whom have left."""
    await bring_in_county(hub)
    sender, _ = await sender_of(hub, **agreement)
    stations = [
        {key: value for key, value in station(n, partner=partner).items() if value is not None}
        for n, partner in _PARTNERS.items()
    ]
    await push(hub, sender, stations, "station")
    await push(hub, sender, [_rider(number, ref) for number, ref in AT.items()])
    await push(hub, sender, [_rider(7, "S-2"), _rider(8, "S-1")])
    left = [
        {"record_id": f"x{n}", "op": "leave", "platform_rider_ref": f"D{n:05d}", "updated_at": _LATER}
        for n in (7, 8)
    ]
    await push(hub, sender, left)
    return sender


_LATER = "2026-10-02T09:00:00+08:00"


def _rider(number: int, ref: str | None) -> dict[str, Any]:
    if ref is None:
        return rider(number)
    return rider(number, employment="dedicated", station_ref=ref, work_area=None)


def partner_account(*partners: str) -> Actor:
    """Return a partner's own account."""
    return replace(
        staff(Role.PARTNER_ACCOUNT), id=f"user:{'-'.join(partners)}", scope=Scope(partners=partners)
    )


def csv_of(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return rows as a CSV with a heading of every column any of them has."""
    listed = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in listed for name in row)), restval="")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().encode("utf-8-sig")


def given(data: bytes, *, name: str = "名单.csv", **words: str) -> HandedIn:
    """Return a file of riders handed in for ding, with words in the names of a push's headers."""
    said = {"rfs-mode": "changes"} | {key.replace("_", "-"): value for key, value in words.items()}
    return HandedIn("ding", "registration", name, data, list(read_rows(data, name=name)), said)


async def hand_in(hub: Hub, actor: Actor, rows: Sequence[Mapping[str, str]], **words: str) -> Receipt:
    """Hand rows in as a page does, in the form's own columns."""
    return await take_upload(hub, actor, given(csv_of(rows), **words))


async def rows_of(hub: Hub) -> dict[str, RowMapping]:
    """Return every registration by its reference."""
    async with hub.database.read() as connection:
        found = (await connection.execute(select(registration))).mappings().all()
    return {row["platform_rider_ref"]: row for row in found}
