"""Figures of the regulation with unit, article, source and valid-from; code holds no bare legal number."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

__all__ = ["Parameter", "parameter"]


@dataclass(frozen=True)
class Parameter:
    """One figure and where it comes from."""

    name: str
    value: float
    unit: str
    article: str
    source: str
    valid_from: date

    @property
    def version(self) -> str:
        """The name under which a result says which figure it used."""
        return f"{self.name}@{self.valid_from.isoformat()}"


@cache
def _all() -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            area = entry.name.removesuffix(".toml")
            for key, row in tomllib.loads(entry.read_text("utf-8")).items():
                found[f"{area}.{key}"] = Parameter(name=f"{area}.{key}", **row)
    return found


def parameter(name: str) -> Parameter:
    """Return one figure by `<file>.<key>`; raises KeyError naming those that exist."""
    try:
        return _all()[name]
    except KeyError:
        msg = f"no parameter {name!r}; there are: {', '.join(sorted(_all()))}"
        raise KeyError(msg) from None
