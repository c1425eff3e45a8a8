"""How a person is shown by default: masked; nothing here opens an envelope."""

__all__ = ["mask_name", "mask_phone"]

_SHOWN_HEAD, _SHOWN_TAIL, _LONG = 3, 4, 10


def mask_name(name: str | None) -> str | None:
    """Return the first character and one star, so that the length tells nothing; None stays None."""
    return f"{name[0]}*" if name else None


def mask_phone(phone: str | None) -> str | None:
    """Return 138****5678; of a short number only the last two digits are shown, None stays None."""
    if not phone:
        return None
    if len(phone) < _LONG:
        return f"****{phone[-2:]}"
    return f"{phone[:_SHOWN_HEAD]}****{phone[-_SHOWN_TAIL:]}"
