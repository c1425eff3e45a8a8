"""What the page of scheduled jobs tells to whom."""

from rider_hub.views.jobs import Scheduled

JOB = Scheduled("expire", "清理", "删除过期的", "每天", {"riders": "骑手", "codes": "验证码", "rows": "行"})
COUNTS = {"riders": 1, "codes": 0, "rows": 1200, "unnamed": 3}


def test_whoever_sees_riders_reads_every_count() -> None:
    """What was zero is left out, and so is what has no words."""
    assert JOB.said(COUNTS, sees_rows=True) == "骑手 1，行 1,200"


def test_small_counts_are_told_to_nobody_else() -> None:
    """An administrator of the system learns neither that one rider was concerned nor that none was."""
    assert JOB.said(COUNTS, sees_rows=False) == "骑手 不足5，验证码 不足5，行 1,200"
