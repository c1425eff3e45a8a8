"""The figures become a Markdown table and a chart, between marks of docs/performance.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["Line", "quickest", "write_report"]

_DOCS = Path(__file__).parents[2] / "docs"
_BAR, _ROW, _LABEL = 420, 26, 150


@dataclass(frozen=True)
class Line:
    """One engine's figures; `reason` where it could not run."""

    name: str
    load_s: float = 0.0
    first_s: float = 0.0
    match_s: float = 0.0
    peak_mb: float = 0.0
    areas_differ: int | None = None
    stations_differ: int | None = None
    reason: str = ""

    @property
    def one_shot_s(self) -> float:
        """Load, index and match once."""
        return self.load_s + self.first_s


def quickest(tried: Sequence[Line]) -> Line:
    """Give one line for several rounds: the least of each time, the greatest memory."""
    ran = [line for line in tried if not line.reason]
    if not ran:
        return tried[0]
    times = {name: min(getattr(line, name) for line in ran) for name in ("load_s", "first_s", "match_s")}
    return replace(ran[-1], **times, peak_mb=max(line.peak_mb for line in ran))


def write_report(size: str, lines: list[Line], extras: dict[str, float], *, load: float, write: bool) -> None:
    """Print the section of a size, and put it into docs/performance.md with its chart."""
    text = _section(size, lines, extras, load)
    print(text)
    if not write:
        return
    chart = _DOCS / "images" / f"performance-{size.lower()}.svg"
    chart.write_text(_chart(size, [line for line in lines if not line.reason]), encoding="utf-8")
    page = _DOCS / "performance.md"
    start, end = f"<!-- {size} -->", f"<!-- /{size} -->"
    whole = page.read_text(encoding="utf-8")
    before, _, rest = whole.partition(start)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


def _section(size: str, lines: list[Line], extras: dict[str, float], load: float) -> str:
    ran = [line for line in lines if not line.reason]
    peers = [line for line in ran if not line.name.startswith("geo,")]
    rows = [
        "| engine | load + index, s | match, s | one-shot, s | peak MB | other area / station than ours |",
        "|---|---|---|---|---|---|",
        *(_row(line) for line in ran),
        *(f"| {line.name} | could not run: {line.reason} | | | | |" for line in lines if line.reason),
    ]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    text = [
        f"{machine}, load average {load:.1f} when the run began.",
        "",
        *rows,
        "",
    ]
    if peers:
        match, one_shot = (min(getattr(line, name) for line in peers) for name in ("match_s", "one_shot_s"))
        ratios = [
            f"- {line.name}: match {match / line.match_s:.1f} times, "  # noqa: ISC003 - one item
            + f"one-shot {one_shot / line.one_shot_s:.1f} times"
            for line in ran
            if line.name.startswith("geo,")
        ]
        text += ["Quicker than the best peer of this run:", "", *ratios, ""]
    text += ["| | |", "|---|---|", *(f"| {name} | {value:.2f} |" for name, value in extras.items()), ""]
    text.append(f"![Seconds to match, on a logarithmic scale](images/performance-{size.lower()}.svg)")
    return "\n".join(text)


def _row(line: Line) -> str:
    seconds = f"{line.load_s:.3f} | {line.match_s:.4f} | {line.one_shot_s:.3f}"
    differ = f"{line.areas_differ} / {line.stations_differ}"
    return f"| {line.name} | {seconds} | {line.peak_mb:.0f} | {differ} |"


def _chart(size: str, lines: list[Line]) -> str:
    """Draw the seconds of a match, each ten times more a step to the right."""
    import math  # noqa: PLC0415 - only the chart needs it

    low = math.floor(math.log10(min(line.match_s for line in lines)))
    high = math.ceil(math.log10(max(line.match_s for line in lines)))
    step = _BAR / max(1, high - low)
    height = _ROW * (len(lines) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LABEL + _BAR + 90} {height}">',
        "<style>text { font: 13px sans-serif }</style>",
        f'<text x="4" y="17">{size}: seconds to match all riders, index kept (shorter is quicker)</text>',
    ]
    for power in range(low, high + 1):
        x = _LABEL + (power - low) * step
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_ROW}" y2="{height - _ROW}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle" fill="#555">{10.0**power:g}</text>'
        )
    for nth, line in enumerate(lines):
        y, wide = _ROW * (nth + 1), (math.log10(line.match_s) - low) * step
        colour = "#b3261e" if line.name.startswith("geo,") else "#7a8793"
        parts.append(f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{line.name}</text>')
        parts.append(
            f'<rect x="{_LABEL}" y="{y + 4}" width="{max(2, wide):.0f}" height="{_ROW - 8}" fill="{colour}"/>'
        )
        parts.append(
            f'<text x="{_LABEL + wide + 6:.0f}" y="{y + 17}" fill="#333">{line.match_s:.3g} s</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
