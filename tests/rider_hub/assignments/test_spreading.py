"""A match run on Dask's workers finds what one process finds, and is never lost with them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from rider_hub.access import Hub
from rider_hub.assignments import service, spreading
from rider_hub.assignments.spreading import spread
from rider_hub.divisions import areas
from rider_hub.storage.derived import keep_derived
from tests.dask_workers import Workers, dask_workers
from tests.factories import make_hub
from tests.rider_hub.assignments.county import COUNTY, County, bring_in_county

NOBODY = "tcp://127.0.0.1:9"


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Run workers, and keep indexes in files, which they map."""
    keep_derived(tmp_path)
    areas._sets.clear()
    with dask_workers(tmp_path) as running:
        yield running
    keep_derived(None)
    areas._sets.clear()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let even a county of some hundred riders be spread, and note what the log says."""
    lines: list[str] = []

    class Log:
        def info(self, event: str, **_: object) -> None:
            lines.append(event)

        warning = info

    monkeypatch.setattr(spreading, "_log", Log())
    monkeypatch.setattr(spreading, "_WAIT_S", 20.0)
    monkeypatch.setattr(service, "spread", partial(spread, above=1))
    return lines


async def digest(hub: Hub, county: County, scheduler: str) -> str:
    """Say what a run finds with this scheduler set."""
    hub = replace(hub, settings=replace(hub.settings, dask_scheduler=scheduler))
    run_id = await service.preview_run(hub, county.staff, COUNTY)
    return str((await service.show_run(hub, county.staff, run_id))["digest"])


async def test_workers_find_what_one_process_finds(
    database_url: str, tmp_path: Path, workers: Workers, told: list[str]
) -> None:
    """The digest of a run on real workers is that of a run here, also once all are gone."""
    address, processes = workers
    async with make_hub(database_url, tmp_path) as hub:
        county = await bring_in_county(hub)
        alone = await digest(hub, county, "")
        assert told == []
        assert await digest(hub, county, address) == alone
        assert told == ["cluster_used"]
        for process in processes:
            process.kill()
        assert await digest(hub, county, NOBODY) == alone
        assert told == ["cluster_used", "cluster_not_used"]


def test_a_fault_on_a_worker_is_no_lost_run(told: list[str], workers: Workers) -> None:
    """What fails on the workers is worked here; a fault of the match itself is told as ever."""

    def match(executor: object = None) -> list[str]:
        if executor is not None:
            raise RuntimeError("a worker's")
        return ["found"]

    assert spread(match, workers[0], 2, above=1) == ["found"]  # type: ignore[arg-type, comparison-overlap]
    assert told == ["cluster_not_used"]
    with pytest.raises(ZeroDivisionError):
        spread(lambda **_: [1 // 0], "", 2, above=1)  # type: ignore[list-item]


def test_a_small_run_stays_here(told: list[str]) -> None:
    """One part gains nothing from workers; they are not even asked."""
    assert spread(lambda **_: [], NOBODY, 2, above=2) == []
    assert told == []
