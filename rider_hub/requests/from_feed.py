"""Requests that riders made in a platform's own app: filed once each, routed and timed as any other (29)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.batch import Checked
from connectors.records import Place, Request
from geo.frames import read_points
from rider_hub.access import Change, Keyring
from rider_hub.assignments.store import current
from rider_hub.divisions.areas import current_or_none
from rider_hub.divisions.model import AreaLevel
from rider_hub.organizations.model import Network
from rider_hub.requests.model import Category, Channel
from rider_hub.requests.service import insert_routed
from rider_hub.requests.tables import service_request
from rider_hub.riders.model import Outcome
from rider_hub.riders.store import find_registrations
from rider_hub.storage import in_batches, new_id

__all__ = ["CATEGORY_WORDS", "category_of", "file_records"]

#: What a category may be called in a feed: its code or its title, told to senders whose word is unknown.
CATEGORY_WORDS: Final = "、".join(f"{one.value}（{one.title_zh}）" for one in Category)
_BY_WORD: Final = {word: one for one in Category for word in (one.value, one.title_zh)}
_VALUES_A_QUERY: Final = 500


def category_of(word: str) -> Category | None:
    """Return the category a feed's word names, None for an unknown one.

    An unknown word is never taken for 其他: it may stand for a difficulty told in confidence.
    """
    return _BY_WORD.get(word.strip())


async def file_records(
    work: Change, keys: Keyring, *, platform: str, county: str, checked: Sequence[Checked]
) -> list[Outcome]:
    """File at most 1,000 checked requests in the caller's transaction; one outcome a record, in order.

    (platform, record_id) names a request: it is filed once, with the words that came first, and other words
    under the same name are told (`request_changed`). It is the rider's whose reference the platform names; of
    nobody where there is none, or none known (`request_anonymous`).
    """
    records = {one.row: _request(one) for one in checked}
    indexes = {one.row: _index(keys, platform, records[one.row].record_id) for one in checked}
    there = await _there(work.connection, list(indexes.values()))
    refs = [record.platform_rider_ref for record in records.values() if record.platform_rider_ref]
    known = await find_registrations(work.connection, platform, refs)
    riders = {ref: str(row["rider_id"]) for ref, row in known.items()}
    places = await _places(work.connection, county, records, riders)
    networks: dict[str, Network] = {}
    outcomes = []
    filed: dict[bytes, bytes] = {}
    for one in checked:
        record, index = records[one.row], indexes[one.row]
        digest = keys.blind("lasting", "request.digest", one.digest.hex())
        before = filed.get(index) or _digest_of(keys, there.get(index))
        if index in filed or index in there:
            warning = "request_changed" if before and before != digest else None
            outcomes.append(Outcome(one.row, "unchanged", warning))
            continue
        rider_id = riders.get(record.platform_rider_ref or "")
        row = _row(keys, record, index, digest) | {"rider_id": rider_id, "division": places[one.row]}
        await insert_routed(work, row, Category(row["category"]), networks)
        filed[index] = digest
        lost = record.platform_rider_ref and rider_id is None
        outcomes.append(Outcome(one.row, "accepted", "request_anonymous" if lost else None))
    return outcomes


def _request(checked: Checked) -> Request:
    if not isinstance(checked.record, Request):
        raise TypeError("only request records come here")
    return checked.record


def _index(keys: Keyring, platform: str, record_id: str) -> bytes:
    """Return the name of a request of a feed; no 查询码 leads to it."""
    return keys.blind("lasting", "feed_request", f"{platform}\x00{record_id}")


def _row(keys: Keyring, record: Request, index: bytes, digest: bytes) -> dict[str, Any]:
    request_id = new_id()
    words = {"text": record.text.strip(), "address": _address(record.place), "digest": digest.hex()}
    return {
        "id": request_id,
        "query_index": index,
        "channel": Channel.FEED,
        "category": category_of(record.category) or Category.OTHER,
        "sealed": keys.seal("personal", ("service_request", "sealed", request_id), words),
    }


def _address(place: Place) -> str:
    return " ".join(part for part in (place.street, place.address) if part)


async def _there(connection: AsyncConnection, indexes: Sequence[bytes]) -> dict[bytes, RowMapping]:
    found: dict[bytes, RowMapping] = {}
    for part in in_batches(indexes, _VALUES_A_QUERY):
        query = select(service_request).where(service_request.c.query_index.in_(part))
        found |= {bytes(row["query_index"]): row for row in (await connection.execute(query)).mappings()}
    return found


def _digest_of(keys: Keyring, row: RowMapping | None) -> bytes | None:
    """Return the digest a request was filed with; an emptied one has none."""
    if row is None or not row["sealed"]:
        return None
    words = keys.unseal("personal", ("service_request", "sealed", row["id"]), row["sealed"])
    return bytes.fromhex(words["digest"]) if words.get("digest") else None


async def _places(
    connection: AsyncConnection, county: str, records: Mapping[int, Request], riders: Mapping[str, str]
) -> dict[int, str]:
    """Return each request's division: stated, else where its point lies, else the rider's, else the county.

    The finest that is known: a street or the county answers where no community is.
    """
    found = {row: one.place.community_code for row, one in records.items()}
    points = {
        row: one.place
        for row, one in records.items()
        if found[row] is None and one.place.lng is not None and one.place.frame is not None
    }
    levels: tuple[AreaLevel, ...] = ("community", "street")
    for level in levels:
        left = {row: place for row, place in points.items() if found[row] is None}
        found |= await _located(connection, county, level, left)
    named = await _streets_by_name(connection, county)
    lost = [row for row, code in found.items() if code is None]
    own = {row: riders.get(records[row].platform_rider_ref or "") for row in lost}
    assigned = await current(connection, sorted({one for one in own.values() if one}))
    for row in lost:
        at = assigned.get(own[row] or "")
        community = at.community if at is not None else None
        inside = community if community and community.startswith(county) else None
        found[row] = named.get(records[row].place.street or "") or inside
    return {row: code or county for row, code in found.items()}


async def _located(
    connection: AsyncConnection, county: str, level: AreaLevel, places: Mapping[int, Place]
) -> dict[int, str | None]:
    areas = await current_or_none(connection, county, level) if places else None
    if areas is None:
        return {}
    lngs, lats, frames = zip(*((p.lng, p.lat, str(p.frame)) for p in places.values()), strict=True)
    lng, lat = read_points(lngs, lats, frames)
    rows = areas.index.locate(np.asarray(lng, np.float64), np.asarray(lat, np.float64)).tolist()
    codes = areas.index.codes
    return {row: str(codes[at]) if at >= 0 else None for row, at in zip(places, rows, strict=True)}


async def _streets_by_name(connection: AsyncConnection, county: str) -> dict[str, str]:
    areas = await current_or_none(connection, county, "street")
    if areas is None:
        return {}
    pairs = [
        (str(name), str(code)) for code, name in zip(areas.frame["code"], areas.frame["name"], strict=True)
    ]
    names = [name for name, _ in pairs]
    return {name: code for name, code in pairs if names.count(name) == 1}
