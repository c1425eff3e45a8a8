"""Small bodies that grow: refused over HTTP in seconds and little memory, and the hub goes on."""

import gzip
import io
import os
import shutil
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import xlsxwriter

from connectors.transport.push_client import ndjson
from rider_hub.access import Role
from rider_hub.access.users import add_user
from rider_hub.demo.ground import console
from tests.rider_hub.faults.service import LONG, PLATFORM, Service, prepared
from tests.rider_hub.intake.build import COUNTY, rider

#: The promises; in the long run by the clock, else by the processor, which others do not slow down.
REFUSED_S = 5
GROWTH_MB = 64
MIB = 1024 * 1024
USER, PASSWORD = "bombs", "Rider-hub-2026!x"

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def repeated(piece: bytes, size: int) -> bytes:
    """Return gzip of a piece repeated until it inflates to so many bytes."""
    out = io.BytesIO()
    many = piece * max(1, MIB // len(piece))
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        for _ in range(size // len(many)):
            file.write(many)
    return out.getvalue()


def array(piece: bytes, size: int) -> bytes:
    """Return gzip (of three members) of a JSON array of pieces that inflates to so many bytes."""
    return gzip.compress(b"[") + repeated(piece + b",", size) + gzip.compress(piece + b"]")


PUSHES: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "a thousand to one": (lambda: repeated(b" " * 1023 + b"\n", 160 * MIB), {}),
    "gzip in gzip": (lambda: gzip.compress(repeated(b"\x00", 160 * MIB)), {}),
    "one line without an end": (lambda: repeated(b"1", 120 * MIB), {}),
    "too many rows": (lambda: repeated(b"{}\n", 4 * MIB), {}),
    "an array of small elements": (lambda: array(b"1", 100 * MIB), {"Content_Type": "application/json"}),
    "an array of brackets": (lambda: array(b"[[]]", 30 * MIB), {"Content_Type": "application/json"}),
    "an array too deep": (lambda: repeated(b"[", 30 * MIB), {"Content_Type": "application/json"}),
    "one element of all": (
        lambda: array(b'"' + b"a" * (90 * MIB) + b'"', 0),
        {"Content_Type": "application/json"},
    ),
}


def workbook(sheet: Callable[[Any], None]) -> bytes:
    """Return a workbook whose one sheet a function writes in the place of an empty one."""
    plain, out = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(plain) as book:
        book.add_worksheet()
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name in source.namelist():
            with archive.open(name, "w") as file:
                if not name.endswith("sheet1.xml"):
                    file.write(source.read(name))
                    continue
                file.write(SHEET.encode())
                sheet(file)
                file.write(b"</sheetData></worksheet>")
    return out.getvalue()


def sparse(file: Any) -> None:
    """Write two cells as far apart as a sheet goes."""
    file.write(
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    )


def large(file: Any) -> None:
    """Write 570 MiB of cells that deflate to next to nothing."""
    row = b"<row>" + b"<c><v>0</v></c>" * 70 + b"</row>"
    for _ in range(570):
        file.write(row * (MIB // len(row)))


class Watch:
    """What a service had used when the watch began."""

    def __init__(self, service: Service) -> None:
        self.service = service
        Path(f"/proc/{service.pid}/clear_refs").write_text("5", "ascii")  # the peak counts from now
        self.memory, self.busy, self.at = service.memory_mb(), service.busy_s(), time.monotonic()

    def check(self, name: str = "") -> None:
        """Check that the promises hold for what happened since."""
        took = time.monotonic() - self.at if LONG else self.service.busy_s() - self.busy
        assert took < REFUSED_S, name
        assert self.service.memory_mb("VmHWM") - self.memory < GROWTH_MB, name


@pytest.fixture
async def service(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Service]:
    """Serve a hub that has taken a push already, so that what it loads once is loaded."""
    path = tmp_path / "rider_hub.db"
    shutil.copyfile(sqlite_template, path)
    async with prepared(f"sqlite+aiosqlite:///{path}", tmp_path / "data") as found:
        async with found.opened() as hub:
            await add_user(
                hub,
                console(),
                username=USER,
                display_name="测试员",
                password=PASSWORD,
                roles=[Role.COUNTY_STAFF],
                divisions=[COUNTY],
            )
        await found.start(RIDER_HUB_SECOND_FACTOR_ROLES="none")
        await found.push([rider(number) for number in range(1_000)], "first")
        yield found


async def test_no_body_that_grows_takes_long_or_much(service: Service) -> None:
    """Each push is refused in the time and memory promised, and the next good one is taken."""
    async with aiohttp.ClientSession() as session:
        for name, (body, headers) in PUSHES.items():
            bomb = body()
            watch = Watch(service)
            status, _, said = await service.post(
                session, bomb, name.replace(" ", "-"), Content_Encoding="gzip", **headers
            )
            assert 400 <= status < 500 or b'"accepted":0' in said, name
            watch.check(name)
            status, _, _ = await service.post(session, ndjson([rider(1)]), f"after-{name.replace(' ', '-')}")
            assert status == 200


async def test_other_bodies_are_refused_unread(service: Service) -> None:
    """Encodings in encodings, a form without a boundary, and a body without end are refused."""
    async with aiohttp.ClientSession() as session:
        watch = Watch(service)
        twice = await service.post(session, gzip.compress(b"{}"), "twice", Content_Encoding="gzip, gzip")
        form = await service.post(session, b"--x\r\n" * MIB, "form", Content_Type="multipart/form-data")
        large = await service.post(session, os.urandom(17 * MIB), "large")
        assert [one[0] for one in (twice, form, large)] == [415, 415, 413]
        preamble = b"x" * (20 * MIB)
        headers = {"Content-Type": "multipart/form-data"}
        async with session.post(f"{service.url}/login", data=io.BytesIO(preamble), headers=headers) as answer:
            assert answer.status in {403, 413, 415}
        watch.check()


@pytest.mark.parametrize("sheet", [sparse, large])
async def test_a_workbook_that_grows_ends_its_own_process_only(
    service: Service, sheet: Callable[[Any], None]
) -> None:
    """On the page that checks files: refused as too large, and the hub neither grows nor ends."""
    data = workbook(sheet)
    assert len(data) < 2 * MIB
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(f"{service.url}/login") as page:
            token = (await page.text()).partition('name="csrf" value="')[2].partition('"')[0]
        form = {"username": USER, "password": PASSWORD, "csrf": token}
        async with session.post(f"{service.url}/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        async with session.get(f"{service.url}/feeds/check") as page:
            text = await page.text()
        token = text.partition('name="csrf" value="')[2].partition('"')[0]
        watch = Watch(service)
        url = f"{service.url}/feeds/check?type=registration&sender={PLATFORM}"
        headers = {"X-CSRF-Token": token, "X-File-Name": "a.xlsx", "Accept": "application/json"}
        async with session.post(url, data=io.BytesIO(data), headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "workbook_too_large")
        watch.check()
        async with session.get(f"{service.url}/healthz") as answer:
            assert answer.status == 200
