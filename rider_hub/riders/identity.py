"""Which registrations are one person: the rules of linking and grouping, without a database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rider_hub.riders.model import LinkState

__all__ = ["Member", "Pair", "components", "explain", "riders_of", "wanted_links"]

#: Ids of two registrations, the one with the smaller (platform, reference) first.
Pair = tuple[str, str]


@dataclass(frozen=True)
class Member:
    """A registration as linking sees it."""

    id: str
    key: tuple[str, str]
    rider_id: str
    active: bool
    seen_at: datetime
    identity_index: bytes | None = None
    phone_index: bytes | None = None


def wanted_links(members: Iterable[Member], indexes: Collection[bytes]) -> dict[Pair, LinkState]:
    """Return the links that the members' present evidence gives, whatever came before.

    `indexes` are the identity and phone indexes of which all members are given; others are passed over.

    Active registrations with one identity index are linked; those with one phone are only proposed, and not
    where two identity numbers say that they are two people. A group is linked as a star around its smallest
    key, so that the outcome does not depend on the order of arrival.
    """
    active = sorted((member for member in members if member.active), key=lambda member: member.key)
    wanted: dict[Pair, LinkState] = {}
    by_phone: dict[bytes, Member] = {}
    by_identity: dict[bytes, Member] = {}
    for member in active:
        if member.phone_index in indexes and member.phone_index:
            first = by_phone.setdefault(member.phone_index, member)
            if first is not member and not _told_apart(first, member):
                wanted[first.id, member.id] = LinkState.PROPOSED
        if member.identity_index in indexes and member.identity_index:
            first = by_identity.setdefault(member.identity_index, member)
            if first is not member:
                wanted[first.id, member.id] = LinkState.LINKED
    return wanted


def _told_apart(one: Member, other: Member) -> bool:
    """Say whether the identity numbers already answer, by yes or by no, what the phone would ask."""
    return one.identity_index is not None and other.identity_index is not None


def components(members: Sequence[Member], links: Iterable[Pair]) -> list[list[Member]]:
    """Group members that links in force connect; groups and their members are ordered by key."""
    root = {member.id: member.id for member in members}

    def find(one: str) -> str:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for a, b in links:
        if a in root and b in root:
            root[find(a)] = find(b)
    groups: dict[str, list[Member]] = {}
    for member in sorted(members, key=lambda member: member.key):
        groups.setdefault(find(member.id), []).append(member)
    return list(groups.values())


@dataclass
class _Claims:
    first_seen: Mapping[str, datetime]
    taken: set[str] = field(default_factory=set)

    def take(self, candidates: Iterable[str]) -> str | None:
        free = [rider for rider in candidates if rider in self.first_seen and rider not in self.taken]
        chosen = min(free, key=lambda rider: (self.first_seen[rider], rider), default=None)
        if chosen is not None:
            self.taken.add(chosen)
        return chosen


def riders_of(
    groups: Sequence[Sequence[Member]], homes: Mapping[str, str], first_seen: Mapping[str, datetime]
) -> list[str | None]:
    """Return the rider of each group, None where a new one is needed.

    A group whose link was undone goes home to the rider its registration had before; any other keeps the
    rider of its own that was seen first.
    """
    claims = _Claims(first_seen)
    chosen: list[str | None] = [
        claims.take(homes[member.id] for member in group if member.id in homes) for group in groups
    ]
    return [
        rider or claims.take({member.rider_id for member in group})
        for rider, group in zip(chosen, groups, strict=True)
    ]


def explain(state: LinkState, evidence: Mapping[str, str]) -> str:
    """Return the reason a clerk reads beside a link."""
    why = {"identity": "两条登记的证件号码一致", "phone": "两条登记的手机号码一致"}[evidence["by"]]
    end = {
        LinkState.LINKED: "，系统已关联为同一名骑手。",
        LinkState.PROPOSED: "，可能是同一名骑手，请核对；系统不会自行合并。",
        LinkState.CONFIRMED: "，经人工核对确认为同一名骑手。",
        LinkState.REJECTED: "，经人工核对不是同一名骑手。",
        LinkState.UNDONE: "，关联已解除，两条登记各归原来的骑手。",
    }[state]
    lapsed = "依据已变化：原先" if evidence.get("lapsed") else ""
    return lapsed + why + end
