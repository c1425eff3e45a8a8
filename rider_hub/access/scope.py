"""The rows a viewer may see, as a condition every query takes."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, or_, true

__all__ = ["Scope"]


@dataclass(frozen=True)
class Scope:
    """A set of divisions or of platforms; an empty scope sees nothing."""

    divisions: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    everything: bool = False

    @classmethod
    def all(cls) -> "Scope":
        """Return the scope of the hub's own jobs and of an operator at the command line."""
        return cls(everything=True)

    def where(
        self, division: ColumnElement[str] | None = None, platform: ColumnElement[str] | None = None
    ) -> ColumnElement[bool]:
        """Return the condition for rows whose division or platform lies in this scope.

        A division holds all codes that begin with its own; as a range, so that the index on a byte-compared
        column serves it (":" follows "9"). A row is out of scope where its column is NULL.
        """
        if self.everything:
            return true()
        conditions: list[ColumnElement[bool]] = []
        if division is not None:
            conditions += [and_(division >= code, division < code + ":") for code in self.divisions]
        if platform is not None and self.platforms:
            conditions.append(platform.in_(self.platforms))
        return or_(*conditions) if conditions else false()

    def covers(self, division: str | None = None, platform: str | None = None) -> bool:
        """Say whether one division or platform lies in this scope."""
        if self.everything:
            return True
        inside = division is not None and any(division.startswith(code) for code in self.divisions)
        return inside or (platform is not None and platform in self.platforms)

    def narrowed(self, division: str) -> "Scope":
        """Return the part of this scope inside a division; widening gives an empty scope."""
        return Scope(divisions=(division,)) if self.covers(division) else Scope()
