"""What the page of scheduled jobs tells to whom: its counts are of the whole hub."""

from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from jobs.registry import registry
from rider_hub.access import Actor, Role
from rider_hub.runs.tables import job_run
from rider_hub.storage import insert_rows
from rider_hub.views.jobs import Scheduled, Told
from tests.factories import make_hub, staff
from tests.rider_hub.matrix.test_matrix import site
from tests.rider_hub.matrix.viewers import Viewer
from tests.rider_hub.membership.factories import settle

JOB = Scheduled(
    "expire",
    "清理",
    "删除过期的",
    "每天",
    {"riders": "骑手", "codes": "验证码", "rows": "行", "mail": "消息"},
    withheld=("mail",),
)
COUNTS = {"riders": 1, "codes": 0, "rows": 1200, "mail": 0, "unnamed": 3}


def test_whoever_sees_all_riders_reads_every_count() -> None:
    """What was zero is left out, and so is what has no words; what nobody sees row by row stays small."""
    assert JOB.said(COUNTS, Told.EVERY) == "骑手 1，行 1,200，消息 不足5"


def test_small_counts_are_told_to_nobody_else() -> None:
    """An administrator of the system learns neither that one rider was concerned nor that none was."""
    assert JOB.said(COUNTS, Told.LARGE) == "骑手 不足5，验证码 不足5，行 1,200，消息 不足5"


def test_whoever_sees_some_riders_reads_no_count() -> None:
    """The figure of the whole hub less the own one would be that of the others."""
    said = JOB.said(COUNTS, Told.NOTHING)
    assert not set("0123456789") & set(said)
    assert said == JOB.said({"riders": 7}, Told.NOTHING)


def test_what_no_viewer_sees_row_by_row_is_withheld() -> None:
    """Messages, invitations and what holds requests in confidence: small counts of these are nobody's."""
    withheld = {name: set(job.withheld) for name, job in registry().items()}
    assert withheld["deliver_messages"] == {"sent", "failed", "dead"}
    assert withheld["expire_kept"] >= {"past_invitations", "closed_requests", "settled_messages"}
    assert withheld["track_requests"] == {"overdue"}
    for name in ("surface_invitations", "gather_verifications", "publish_totals", "rewrite_private"):
        assert registry()[name].counted == {}, name


@pytest.mark.parametrize(
    ("actor", "said"),
    [
        (staff(Role.COUNTY_STAFF, divisions=("110101", "110105")), "收到 1,234"),
        (staff(Role.COUNTY_STAFF, divisions=("110101",)), "不在此列出"),
        (staff(Role.COUNTY_STAFF, Role.SYSTEM_ADMIN, divisions=("110101001",)), "不在此列出"),
        (staff(Role.SYSTEM_ADMIN, divisions=("110101",)), "收到 1,234，退回 不足5"),
    ],
)
async def test_a_county_learns_nothing_of_another_by_the_hubs_counts(
    database_url: str, tmp_path: Path, actor: Actor, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page and export: exact for who has every county, large ones for who sees no riders, else none."""
    async with make_hub(database_url, tmp_path) as hub:
        await settle(hub)
        now = hub.clock.now()
        row = {column.name: None for column in job_run.columns} | {
            "id": "run",
            "job": "take_feeds",
            "state": "done",
            "fence": 1,
            "progress": 100,
            "worked": True,
            "started_by": "scheduler",
            "counts": {"received": 1234, "rejected": 2},
        }
        row |= dict.fromkeys(("due_at", "started_at", "heartbeat_at", "finished_at"), now)
        async with hub.database.write() as connection:
            await insert_rows(connection, job_run, [row])
        async with site(hub, monkeypatch) as (client, be):
            be(Viewer("one", actor, lambda _: True))
            page = await (await client.get("/jobs")).text()
            workbook = await (await client.get("/jobs/export.xlsx")).read()
        cells = str(list(load_workbook(BytesIO(workbook)).worksheets[0].iter_rows(values_only=True)))
        assert (said in page, said in cells) == (True, True)
        assert ("1,234" in page, "1,234" in cells) == ("1,234" in said,) * 2
