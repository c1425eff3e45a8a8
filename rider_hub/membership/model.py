"""Declarations and consents as values; pure, and never shown beside another rider's."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from rider_hub.errors import Conflict

__all__ = [
    "Consent",
    "Declaration",
    "Entry",
    "HomeEntry",
    "HomePage",
    "Kind",
    "Own",
    "TooManyConsents",
    "home_page",
]


class TooManyConsents(Conflict):
    """What is live at once has a limit, since a record that grew would tell its rider from the others."""

    default_code = "too_many_consents"

    def __init__(self) -> None:
        super().__init__(
            "您同意的事项已经很多，请先撤回不再需要的，再同意新的。",
            "You consent to very much already: withdraw what you no longer need first.",
        )


class Kind(StrEnum):
    """What a rider states to be. Joining intent is another thing with a consent of its own."""

    FULL = "full"
    PROBATIONARY = "probationary"

    @property
    def title_zh(self) -> str:
        """The word on pages."""
        return {"full": "正式党员", "probationary": "预备党员"}[self]


class Declaration(msgspec.Struct, frozen=True):
    """What stands in a rider's sealed record.

    Every rider has a record; without a declaration, or after its withdrawal, all but the rider is empty, so
    that the existence of the row tells nothing.
    """

    rider_id: str
    kind: Kind | None = None
    home_organization: str | None = None
    body: str | None = None
    declared_at: datetime | None = None
    #: The home organization, where the rider asked one of the hub's to verify, and when.
    home_body: str | None = None
    asked_at: datetime | None = None


class HomeEntry(msgspec.Struct, frozen=True, array_like=True):
    """One rider's asking as its home organization's list holds it, with the answer."""

    rider_id: str
    asked_at: datetime
    verified: bool | None = None
    verified_at: datetime | None = None


class HomePage(msgspec.Struct, frozen=True):
    """One sealed page of a home organization's list."""

    body: str
    page: int
    entries: tuple[HomeEntry, ...] = ()


def home_page(content: Mapping[str, Any]) -> str:
    """Return what the index of a page stands for."""
    return f"{content['body']}\x00{content['page']}"


class Entry(msgspec.Struct, frozen=True):
    """One line of the consent ledger as it is sealed; lines are appended, never changed."""

    rider_id: str
    act: Literal["given", "withdrawn"]
    purpose: str
    #: Code of the one organization consented to.
    body: str
    notice_version: int
    at: datetime
    #: The line that a withdrawal ends.
    ends: str | None = None


class Consent(msgspec.Struct, frozen=True):
    """A consent that is live at the moment it was read; not to be kept."""

    id: str
    rider_id: str
    purpose: str
    body: str
    notice_version: int
    given_at: datetime


class Own(msgspec.Struct, frozen=True):
    """What a rider sees of their own: the declaration, what is consented to, and the ledger."""

    declaration: Declaration | None
    consents: tuple[Consent, ...]
    ledger: tuple[Entry, ...]
    #: The home organization's answer, None while there is none.
    answer: HomeEntry | None = None

    def consent(self, purpose: str) -> Consent | None:
        """Return the live consent to a purpose, None where there is none."""
        return next((consent for consent in self.consents if consent.purpose == purpose), None)
