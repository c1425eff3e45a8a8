"""Verifies the whole audit trail each night; a finding is a failed run and an alarm in the metrics."""

import asyncio
from collections.abc import Mapping

from jobs.job import Daily, Job
from rider_hub.access import Hub
from rider_hub.access.heads import read_heads
from rider_hub.access.inputs import takes
from rider_hub.access.sealer import FAULTS
from rider_hub.access.verify import verify
from rider_hub.errors import HubError
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def verify_trail(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Walk every row, seal and head; raises HubError that names the first finding."""
    heads = await asyncio.to_thread(read_heads, hub.settings.audit_heads)
    async with hub.database.read(snapshot=True) as connection:
        report = await verify(connection, hub.keys, heads)
    if report.faults:
        FAULTS.inc(report.faults)
        first = report.findings[0]
        raise HubError(
            f"审计记录发现 {report.faults} 处问题：{first.zh}请运行 rider-hub audit verify 查看全部。",
            f"{report.faults} findings in the audit trail: {first.en} See `rider-hub audit verify`.",
            code="audit_faults",
        )
    return {"rows": report.rows, "seals": report.seals}


JOB = Job(
    "verify_trail",
    "审计记录核验",
    "核验全部审计记录、封存和链头文件，发现问题即报警。",
    Daily(1, 30),
    verify_trail,
    counted={"rows": "记录", "seals": "封存"},
)
