"""A large match run is worked by Dask's workers where there are some; the answer is the same without them."""

from collections.abc import Callable
from typing import Final

from geo.cluster import Cluster
from geo.matching import Executor
from rider_hub.assignments.matching import PART
from rider_hub.assignments.model import Assignment
from rider_hub.logs import logger

__all__ = ["spread"]

_log = logger("assignments")

#: A run waits so long for scheduler and workers before it is worked here.
_WAIT_S: Final = 10.0


def spread(
    match: Callable[..., list[Assignment]], scheduler: str, riders: int, *, above: int = PART
) -> list[Assignment]:
    """Match on the scheduler's workers where it is set and there is more than one part, else in this process.

    `match` takes the executor. Workers that fail cost time and a line in the log, never the run: it is then
    worked here, from the same inputs to the same answer.
    """
    if not scheduler or riders <= above:
        return match()
    try:
        with Cluster(scheduler, _WAIT_S) as cluster:
            executor: Executor = cluster
            found = match(executor=executor)
    except Exception as fault:  # noqa: BLE001 - whatever a cluster may raise; a fault of the match shows here too
        _log.warning("cluster_not_used", scheduler=scheduler, fault=type(fault).__name__)
        return match()
    _log.info("cluster_used", scheduler=scheduler, riders=riders)
    return found
