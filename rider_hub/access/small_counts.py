"""Small counts: a number of people below k says too much to whoever may not see the people themselves."""

from rider_hub.parameters import parameter

__all__ = ["count_words", "shown_count", "small_count"]


def small_count() -> int:
    """Return k, the smallest number of people that is told to those without a right to the rows."""
    return int(parameter("access.small_count").value)


def shown_count(number: int, *, sees_rows: bool) -> int | None:
    """Return a number of people as a viewer may know it; None below k, nought included.

    Whoever sees the rows could count them. For everybody else nought is as telling as one: it says of each
    person around that they are not among them.
    """
    return number if sees_rows or number >= small_count() else None


def count_words(number: int | None) -> str:
    """Return a number as pages write it; a suppressed one says below what it is."""
    return f"不足{small_count()}" if number is None else f"{number:,}"
