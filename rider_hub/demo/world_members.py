"""Chooses who of the demo's riders will declare on the phone page; nothing of it ever enters a feed."""

import numpy as np

from rider_hub.demo.world_model import Member, Organization, Rider

MEMBER_SHARE = 0.018
FULL_MEMBER_SHARE = 0.85
CONSENT_SHARE = 0.85
INDUSTRY_BODY_SHARE = 0.2
HOMES = (
    "外省某县某镇某村党支部（示例）",
    "外省某市某企业党支部（示例）",
    "本市某街道某社区党支部（示例）",
    "原就读学校毕业生党支部（示例）",
)


def build_members(
    riders: tuple[Rider, ...],
    organizations: tuple[Organization, ...],
    *,
    rng: np.random.Generator,
) -> tuple[Member, ...]:
    """Choose who will declare on the phone page, to which body, and whether that body may invite them."""
    industry = next(o.code for o in organizations if o.kind == "industry_organization")
    bodies = {c.ref: o.code for o in organizations for c in o.covers if c.kind == "community"}
    here = [rider for rider in riders if all(r.left_at is None for r in rider.registrations)]
    count = min(len(here), max(1, round(len(riders) * MEMBER_SHARE)))
    chosen = np.sort(rng.choice(len(here), size=count, replace=False))
    chances = rng.random((count, 3))
    homes = rng.integers(0, len(HOMES), size=count)
    return tuple(
        Member(
            rider=here[row].index,
            kind="full" if chances[i, 0] < FULL_MEMBER_SHARE else "probationary",
            consent=bool(chances[i, 1] < CONSENT_SHARE),
            body=industry
            if chances[i, 2] < INDUSTRY_BODY_SHARE
            else bodies.get(here[row].community, industry),
            home_organization=HOMES[homes[i]],
        )
        for i, row in enumerate(chosen)
    )
