"""Running jobs: one slot once, failures with a cure, due times that all processes name alike."""

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

import jobs
from connectors.errors import FeedError
from jobs.job import Daily, Every, Job
from jobs.registry import registry
from jobs.running import run_slot
from rider_hub.access import Hub
from rider_hub.clock import SHANGHAI
from rider_hub.errors import Conflict
from rider_hub.runs.model import Run
from rider_hub.runs.tables import job_run
from tests.factories import make_hub

_INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


async def _fine(_: Hub, __: Run) -> Mapping[str, int]:
    return {"rows": 2}


async def _refused(_: Hub, __: Run) -> Mapping[str, int]:
    raise Conflict("请先导入边界。", "Import boundaries first.")


async def _not_answered(_: Hub, __: Run) -> Mapping[str, int]:
    raise FeedError("pull_failed", zh="平台没有应答。", en="The platform did not answer.")


async def _broken(_: Hub, __: Run) -> Mapping[str, int]:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("work", "state", "cure"),
    [
        (_fine, "done", None),
        (_refused, "failed", "请先导入边界。"),
        (_not_answered, "failed", "平台没有应答。"),
        (_broken, "failed", "任务意外中断"),
    ],
)
async def test_a_slot_ends_in_a_state_with_a_cure(
    database_url: str, tmp_path: Path, work: object, state: str, cure: str | None
) -> None:
    """A run is done or failed, and a failed one says what to do; it never stays running."""
    job = Job("probe", "试验", "", Every(60), work)  # type: ignore[arg-type]
    async with make_hub(database_url, tmp_path) as hub:
        assert await run_slot(hub, job)
        assert not await run_slot(hub, job)
        async with hub.database.read() as connection:
            rows = (await connection.execute(select(job_run))).mappings().all()
    assert [row["state"] for row in rows] == [state]
    assert (rows[0]["cure_zh"] or "").startswith(cure or "")


@given(
    now=_INSTANTS,
    later=st.integers(0, 86_400),
    due=st.sampled_from([Every(30), Every(300), Daily(3, 30), Daily(0)]),
)
def test_slots_never_go_back_and_never_lie_ahead(now: datetime, later: int, due: Every | Daily) -> None:
    """A slot is not after now, and time going on never names an earlier one."""
    slot = due.slot(now)
    assert slot <= now
    assert due.slot(now + timedelta(seconds=later)) >= slot


@given(now=_INSTANTS)
def test_a_daily_slot_is_its_local_hour(now: datetime) -> None:
    """A daily job's slot stands at its hour in China, less than a day ago."""
    slot = Daily(3, 30).slot(now)
    assert (slot.astimezone(SHANGHAI).hour, slot.astimezone(SHANGHAI).minute) == (3, 30)
    assert now - slot < timedelta(days=1)


def test_every_job_is_registered_under_its_own_name() -> None:
    """The registry holds the job of each module that has one, by its name."""
    modules = [importlib.import_module(f"jobs.{one.name}") for one in pkgutil.iter_modules(jobs.__path__)]
    own = [module.JOB.name for module in modules if hasattr(module, "JOB")]
    assert {name for name, job in registry().items() if job.name == name} == set(own)
    assert len(own) == len(set(own)) > 10


@pytest.mark.parametrize(("count", "worked"), [(0, False), (2, True)])
async def test_a_run_says_whether_there_was_something_to_do(
    database_url: str, tmp_path: Path, count: int, worked: bool
) -> None:
    """A run that found nothing is told apart from one that did something."""

    async def work(_: Hub, __: Run) -> Mapping[str, int]:
        return {"rows": count}

    async with make_hub(database_url, tmp_path) as hub:
        await run_slot(hub, Job("probe", "试验", "", Every(60), work))
        async with hub.database.read() as connection:
            assert (await connection.execute(select(job_run.c.worked))).scalar_one() is worked
