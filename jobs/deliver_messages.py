"""Delivers what waits in the outbox through the port the settings name."""

import sys
from collections.abc import Mapping

from jobs.job import Every, Job
from rider_hub.access import Hub
from rider_hub.access.inputs import takes
from rider_hub.messages.delivery import deliver
from rider_hub.messages.ports import port_for
from rider_hub.runs.model import Run

__all__ = ["JOB"]


@takes()
async def deliver_messages(hub: Hub, run: Run) -> Mapping[str, int]:  # noqa: ARG001 - every job has one signature
    """Deliver all that waits."""
    return await deliver(hub, port_for(hub.settings, sys.stderr))


JOB = Job(
    "deliver_messages",
    "消息发送",
    "发送待发的通知和验证码。",
    Every(30),
    deliver_messages,
    counted={"sent": "已发", "failed": "未发出", "dead": "过期未发"},
    withheld=("sent", "failed", "dead"),
)
