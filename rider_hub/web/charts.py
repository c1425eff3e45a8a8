"""What a chart says and where its figures come from; drawing is static/charts.js."""

from dataclasses import dataclass
from typing import Literal

from rider_hub.web.values import own_path

__all__ = ["Chart"]


@dataclass(frozen=True)
class Chart:
    """A chart whose title is the answer it gives.

    `data_url` answers JSON: {"categories": [word, …], "series": [{"name": word, "values": [number, …]}, …]};
    `rows_url` opens the rows behind it.
    """

    title: str
    unit: str
    source: str
    data_url: str
    rows_url: str
    kind: Literal["bar", "line"] = "bar"

    def __post_init__(self) -> None:
        own_path(self.data_url)
        own_path(self.rows_url)
