"""Who may do what, where; sealing of personal data; the audit trail; sessions. Every use case passes here."""

from rider_hub.access.actor import ACTOR, Actor, Role
from rider_hub.access.guard import guarded
from rider_hub.access.hub import HUB, Change, Hub, Look
from rider_hub.access.keys import Keyring
from rider_hub.access.scope import Scope

__all__ = ["ACTOR", "HUB", "Actor", "Change", "Hub", "Keyring", "Look", "Role", "Scope", "guarded"]
