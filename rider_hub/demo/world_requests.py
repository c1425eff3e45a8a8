"""Writes the demo's service requests: category, place, plain generated words and how each will end."""

import numpy as np

from rider_hub.demo.places import Ground, community_label
from rider_hub.demo.world_model import Category, Ending, Request, Rider

ANONYMOUS_SHARE = 0.15
CATEGORIES: tuple[tuple[Category, float], ...] = (
    ("entry", 0.35),
    ("stairs", 0.15),
    ("parking", 0.20),
    ("charging", 0.20),
    ("other", 0.10),
)
TEXTS: dict[Category, tuple[str, ...]] = {
    "entry": (
        "{place}一处小区入口不让骑手进，每单要步行十分钟",
        "{place}晚上九点后侧门上锁，绕行太远，容易超时",
        "{place}门岗登记排队久，希望有骑手快速通道",
    ),
    "stairs": (
        "{place}老楼没有电梯，楼道灯坏了，晚上上楼不安全",
        "{place}楼栋号看不清，常常上错楼，希望补上楼号牌",
    ),
    "parking": (
        "{place}商户门口没有临时停车位，取餐时常被拖车",
        "{place}路边划线太少，希望划出骑手临时停放区",
    ),
    "charging": (
        "{place}附近没有换电柜，中午高峰后只能推车走",
        "{place}充电棚插座坏了一半，报修后没有人来",
    ),
    "other": (
        "{place}周边想找喝水和休息的地方，夏天中午太热",
        "{place}一处路口坑洼，雨天积水，送餐容易摔倒",
    ),
}
ENDINGS: tuple[tuple[Ending, float, tuple[int, int]], ...] = (
    ("open", 0.25, (0, 20)),
    ("answered", 0.20, (20, 200)),
    ("confirmed", 0.40, (60, 400)),
    ("overdue", 0.15, (250, 400)),
)
"""Each ending with its share and how many hours ago such a request was filed."""


def build_requests(
    ground: Ground, riders: tuple[Rider, ...], count: int, *, rng: np.random.Generator
) -> tuple[Request, ...]:
    """Write requests, the oldest first; where the rider is known it lies in the rider's own community."""
    names = dict(zip(ground.communities["code"], ground.communities["name"], strict=True))
    who = rng.integers(0, len(riders), size=count)
    anonymous = rng.random(count) < ANONYMOUS_SHARE
    category = rng.choice(len(CATEGORIES), size=count, p=[share for _, share in CATEGORIES])
    ending = rng.choice(len(ENDINGS), size=count, p=[share for _, share, _ in ENDINGS])
    found = []
    for i in range(count):
        rider = riders[who[i]]
        name = CATEGORIES[category[i]][0]
        texts = TEXTS[name]
        end, _, hours = ENDINGS[ending[i]]
        found.append(
            Request(
                rider=None if anonymous[i] else rider.index,
                category=name,
                community=rider.community,
                text=texts[int(rng.integers(len(texts)))].format(
                    place=community_label(names[rider.community])
                ),
                hours_ago=int(rng.integers(*hours)),
                ending=end,
            )
        )
    return tuple(sorted(found, key=lambda request: -request.hours_ago))
