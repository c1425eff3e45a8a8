"""Identifiers made before a row is written, so that a sealed envelope can be bound to its row."""

import os

__all__ = ["new_id"]


def new_id() -> str:
    """Return 32 random hexadecimal digits; nothing about time or order can be read from them."""
    return os.urandom(16).hex()
