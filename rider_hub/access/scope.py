"""The rows a viewer may see, as a condition every query takes."""

from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import ColumnElement, and_, false, or_, true

__all__ = ["Scope"]


@dataclass(frozen=True)
class Scope:
    """A region, a platform or a partner, or a region's part of one; an empty scope sees nothing.

    Each kind that is named narrows: a platform's account with a county sees that platform's rows of that
    county. A region is a set of divisions, those a park is made of among them (`access.parks`).
    """

    divisions: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    everything: bool = False

    @classmethod
    def all(cls) -> "Scope":
        """Return the scope of the hub's own jobs and of an operator at the command line."""
        return cls(everything=True)

    @property
    def of_company(self) -> bool:
        """Whether this is a platform's or partner's scope: rows of their own, never a place's."""
        return bool(self.platforms or self.partners)

    def where(
        self,
        division: ColumnElement[str] | None = None,
        platform: ColumnElement[str] | None = None,
        partner: ColumnElement[str] | None = None,
    ) -> ColumnElement[bool]:
        """Return the condition for rows that lie in this scope.

        A division holds all codes that begin with its own; as a range, so that the index on a byte-compared
        column serves it (":" follows "9"). A row is out of scope where its column is NULL, and where the
        table has no such column: rows that name no platform are no platform's.
        """
        return _condition(self, division, platform, partner)

    def covers(
        self, division: str | None = None, platform: str | None = None, partner: str | None = None
    ) -> bool:
        """Say whether one row with these values lies in this scope."""
        if self.everything:
            return True
        inside = division is not None and any(division.startswith(code) for code in self.divisions)
        limits = [
            inside if self.divisions else None,
            platform in self.platforms if self.platforms else None,
            partner in self.partners if self.partners else None,
        ]
        asked = [limit for limit in limits if limit is not None]
        return bool(asked) and all(asked)

    def holds(self, other: "Scope") -> bool:
        """Say whether all that lies in the other scope lies in this one; nothing holds an empty one."""
        if self.everything or other.everything:
            return self.everything
        limits = [
            bool(other.divisions) and all(d.startswith(self.divisions) for d in other.divisions)
            if self.divisions
            else None,
            _inside(other.platforms, self.platforms),
            _inside(other.partners, self.partners),
        ]
        asked = [limit for limit in limits if limit is not None]
        return bool(asked) and all(asked)

    def narrowed(self, division: str) -> "Scope":
        """Return the part of this scope inside a division; widening gives an empty scope."""
        inside = any(division.startswith(code) for code in self.divisions)
        whole = self.everything or (self.of_company and not self.divisions)
        return replace(self, divisions=(division,), everything=False) if inside or whole else Scope()


@lru_cache(maxsize=512)
def _condition(
    scope: Scope,
    division: ColumnElement[str] | None,
    platform: ColumnElement[str] | None,
    partner: ColumnElement[str] | None,
) -> ColumnElement[bool]:
    """Make a scope's condition; kept, since making one of 30 divisions takes a millisecond."""
    if scope.everything:
        return true()
    limits: list[ColumnElement[bool]] = []
    if scope.divisions:
        limits.append(false() if division is None else or_(*_ranges(division, scope.divisions)))
    if scope.platforms:
        limits.append(false() if platform is None else platform.in_(scope.platforms))
    if scope.partners:
        limits.append(false() if partner is None else partner.in_(scope.partners))
    return and_(*limits) if limits else false()


def _inside(asked: tuple[str, ...], own: tuple[str, ...]) -> bool | None:
    return (bool(asked) and set(asked) <= set(own)) if own else None


def _ranges(division: ColumnElement[str], codes: tuple[str, ...]) -> list[ColumnElement[bool]]:
    # A code inside another one of the scope adds nothing but work.
    widest = [code for code in codes if not any(code != up and code.startswith(up) for up in codes)]
    return [and_(division >= code, division < code + ":") for code in widest]
