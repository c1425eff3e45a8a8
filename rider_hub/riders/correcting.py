"""Correcting one field of a registration with all that was made from it; in the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, select, update

from connectors.identity import is_mobile, normalise_phone
from rider_hub.access import Change, Keyring
from rider_hub.errors import Failure, Invalid
from rider_hub.messages.service import forget_messages
from rider_hub.riders import store
from rider_hub.riders.corrections import Correction, Field, keep_correction, patched
from rider_hub.riders.linking import review_links
from rider_hub.riders.model import WAITING_FOR_STATION, RegistrationState
from rider_hub.riders.ports import contents
from rider_hub.riders.rows import history_row
from rider_hub.riders.tables import registration, registration_history
from rider_hub.storage import insert_rows

__all__ = ["checked_value", "correct_registration", "find_registration"]

_NAME = range(2, 41)


async def correct_registration(
    work: Change, keys: Keyring, row: Mapping[str, Any] | RowMapping, field: Field, value: str | None
) -> None:
    """Put the right value into a registration the caller found in scope, and into all that follows from it.

    Indexes, links and the rider's place change with it; messages waiting for a wrong phone are dropped;
    requests and invitations read name and phone anew whenever they need them. The match follows with the next
    run of the county, which the caller asks for. Raises Invalid for a value the field can't have.
    """
    right = await checked_value(work, row["platform"], field, value)
    correction = Correction(field, right)
    before = dict(row)
    await keep_correction(work.connection, keys, before, correction, work.now)
    after = before | patched(keys, before, correction)
    stations = await store.station_divisions(
        work.connection, after["platform"], [after["station_ref"]] if after["station_ref"] else []
    )
    active = after["state"] == RegistrationState.ACTIVE
    waits = active and after["station_ref"] and after["station_ref"] not in stations
    after["hold"] = WAITING_FOR_STATION if waits else None
    names = ("sealed", "phone_index", "phone4_index", "name_index", "station_ref", "state", "hold")
    mine = update(registration).where(registration.c.id == row["id"])
    await work.connection.execute(mine.values({name: after[name] for name in names}))
    if field == "phone" and (old := contents(keys, before).get("phone")):
        await forget_messages(work, keys, {old})
    if field == "station_ref" and active and after["station_ref"] in stations:
        await store.move_riders(work.connection, {row["rider_id"]: stations[after["station_ref"]]})
    if field in ("station_ref", "state"):
        await insert_rows(work.connection, registration_history, [history_row(after, None, work.now)])
    indexes = {
        side[name] for side in (before, after) for name in ("phone_index", "identity_index") if side[name]
    }
    await review_links(work.connection, keys, {row["id"]}, indexes, work.now)


async def checked_value(work: Change, platform: str, field: Field, value: str | None) -> str | None:
    """Return the value in its one form; raises Invalid where the field can't have it."""
    text = " ".join((value or "").split())
    if field == "state":
        return RegistrationState.LEFT.value
    if field == "phone":
        if not text:
            return None  # the number is somebody else's, and no other is known
        found = normalise_phone(text)
        if found is None or not is_mobile(found[0]):
            raise _wrong(field, "请填写 11 位手机号。", "Give a mobile number of 11 digits.")
        return found[0]
    if field == "name":
        if len(text) not in _NAME or not text.isprintable():
            raise _wrong(field, "请填写姓名，2 到 40 个字。", "Give the name in 2 to 40 characters.")
        return text
    if text not in await store.station_divisions(work.connection, platform, [text]):
        raise _wrong(field, "没有这个站点编号，请核对。", "The platform has no such station.")
    return text


def _wrong(field: str, zh: str, en: str) -> Invalid:
    return Invalid(zh, en, errors=[Failure(row=0, path=field, code="correction_value", zh=zh, en=en)])


async def find_registration(work: Change, rider_id: str, registration_id: str) -> RowMapping | None:
    """Return one registration of a rider, None where it is not theirs."""
    query = select(registration).where(
        registration.c.id == registration_id, registration.c.rider_id == rider_id
    )
    return (await work.connection.execute(query)).mappings().first()
