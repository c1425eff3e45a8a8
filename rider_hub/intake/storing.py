"""Where checked records go, by their feed: stations, registrations, requests; each counted as it ended."""

from collections.abc import Collection, Sequence

from connectors.batch import Checked
from connectors.records import Registration
from rider_hub.access import Change, Keyring
from rider_hub.intake.absence import settle
from rider_hub.intake.faults import warning
from rider_hub.intake.model import Receipt, Sender
from rider_hub.intake.totals import Totals
from rider_hub.organizations.service import upsert_stations
from rider_hub.requests.from_feed import file_records
from rider_hub.riders.filling import fill
from rider_hub.riders.store import release_waiting
from rider_hub.riders.taking import apply_registrations

__all__ = ["store_records"]


async def store_records(
    work: Change,
    keys: Keyring,
    sender: Sender,
    taken: Receipt,
    *,
    records: Sequence[Checked],
    totals: Totals,
    older: Sequence[Checked] = (),
    in_snapshot: bool = False,
    fills: bool = False,
    own: Collection[str] | None = None,
) -> None:
    """Store checked records of one part and count how they ended.

    Those `in_snapshot` are not told who counts as absent: the snapshot they belong to may say otherwise. What
    registrations leave empty stays as it was where one `fills`: the sender does not know all of them, and
    where `own` names its stations, of no rider of another.
    """
    if not records:
        return
    if taken.feed_type == "station":
        found = await upsert_stations(work, sender.platform, sender.county, records, keys)
        totals.accepted += found.accepted
        totals.unchanged += found.unchanged
        totals.warnings += [warning(row, "version_conflict") for row in found.conflicts]
        refs = {str(getattr(one.record, "station_ref", "")) for one in records}
        work.count(no_longer_waiting=await release_waiting(work.connection, sender.platform, refs))
        return
    if taken.feed_type == "request":
        totals.add_outcomes(
            await file_records(work, keys, platform=sender.platform, county=sender.county, checked=records)
        )
        return
    new = records
    if fills:
        new, same = await fill(work, keys, sender.platform, records, own)
        totals.add_outcomes(same)
    totals.add_outcomes(
        await apply_registrations(
            work,
            keys,
            platform=sender.platform,
            county=sender.county,
            checked=new,
            receipt_id=taken.id,
            older=older,
            keeps_numbers=fills,
        )
    )
    refs = {str(getattr(one.record, "platform_rider_ref", "")) for one in records}
    absent = await settle(work, keys, sender.platform, refs, taken.id)
    if not in_snapshot:
        totals.warnings += [
            warning(one.row, "absent_from_snapshot")
            for one in records
            if isinstance(one.record, Registration)
            and one.record.op == "upsert"
            and one.record.platform_rider_ref in absent
        ]
