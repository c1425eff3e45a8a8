"""How an import's report is printed: sentences row by row, or JSON alone; the exit status says the same."""

from typing import Any

import click

from rider_hub.cli.running import echo_json
from rider_hub.divisions.rows import ImportReport
from rider_hub.errors import Failure

__all__ = ["plain", "say", "tell"]


def tell(report: ImportReport, *, as_json: bool) -> None:
    """Print a report; the exit status is 0 where every row was taken."""
    if as_json:
        echo_json(
            {
                "total": report.total,
                "accepted": report.accepted,
                "rejected": report.rejected,
                "stored": report.stored,
                "edition": report.edition,
                "current": report.current,
                "failures": [plain(one) for one in report.failures],
                "notices": [plain(one) for one in report.notices],
            }
        )
    else:
        click.echo(
            f"共 {report.total} 行，导入 {report.accepted} 行，退回 {report.rejected} 行 / "
            f"{report.total} rows, {report.accepted} imported, {report.rejected} refused"
        )
        if not report.stored:
            click.echo(
                "没有写入任何内容，请按下列说明修改后重新导入 / Nothing was written; mend and import again"
            )
        say([*report.failures, *report.notices])
    if not report.ok:
        raise SystemExit(1)


def say(faults: list[Failure]) -> None:
    """Print faults one a line, in both languages."""
    for one in faults:
        where = f"第 {one.row} 行 " if one.row else ""
        click.echo(f"  {where}{one.path} [{one.code}] {one.zh} / {one.en}")


def plain(one: Failure) -> dict[str, Any]:
    """Return a fault as it stands in JSON."""
    return {"row": one.row, "path": one.path, "code": one.code, "zh": one.zh, "en": one.en}
