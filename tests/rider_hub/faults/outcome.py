"""What is stored in the end, in a form in which a disturbed and an undisturbed run can be compared."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from rider_hub.access import Hub
from rider_hub.access.sealer import Sealer
from rider_hub.access.verify import verify
from rider_hub.intake.tables import quarantine, receipt
from rider_hub.organizations.tables import station
from rider_hub.riders.tables import registration, registration_history
from tests.rider_hub.riders.build import state_of

__all__ = ["Outcome", "outcome_of"]

_TOTALS = ("received", "accepted", "unchanged", "waiting", "held", "not_stored", "rejected")


@dataclass(frozen=True)
class Outcome:
    """State, history, receipts and refused rows, free of random ids and of times of receipt."""

    state: str
    registrations: int
    history: Counter[Any]
    stations: tuple[Any, ...]
    receipts: dict[tuple[str, str], Any]
    quarantined: Counter[Any]


async def outcome_of(hub: Hub) -> Outcome:
    """Read the outcome, having made sure that the database and its trail are whole."""
    await Sealer(hub).finish()
    async with hub.database.read() as connection:
        assert not (await verify(connection, hub.keys, [])).findings
        if hub.database.dialect == "sqlite":
            assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
        known = (await connection.execute(select(registration.c.id, registration.c.platform_rider_ref))).all()
        past = (await connection.execute(select(registration_history))).mappings().all()
        sites = (await connection.execute(select(station).order_by(station.c.station_ref))).mappings().all()
        receipts = (await connection.execute(select(receipt))).mappings().all()
        kept = (await connection.execute(select(quarantine))).mappings().all()
    refs = {one.id: one.platform_rider_ref for one in known}
    keys = {one["id"]: one["idempotency_key"] for one in receipts}
    return Outcome(
        state=await state_of(hub),
        registrations=len(known),
        history=Counter((refs[one["registration_id"]], one["version_at"], one["state"]) for one in past),
        stations=tuple((one["platform"], one["station_ref"], one["name"], one["division"]) for one in sites),
        receipts={
            (one["feed_type"], one["idempotency_key"]): (
                one["state"],
                *(one[name] for name in _TOTALS),
                sorted((fault["row"], fault["code"]) for fault in one["failures"]),
            )
            for one in receipts
        },
        quarantined=Counter((keys[one["receipt_id"]], one["row"], one["state"]) for one in kept),
    )
