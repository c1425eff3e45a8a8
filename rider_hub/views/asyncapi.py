"""The AsyncAPI 3 document of the streams: topics and messages, made of the records that check them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.records import RECORD_TYPES, RFS_VERSION, SUBJECTS, FeedType
from connectors.rules import RULES_IN_WORDS
from connectors.versions import versions
from rider_hub.intake.model import FEED_TITLES, FEEDS
from rider_hub.settings_kafka import StreamSettings

__all__ = ["DEAD_LETTER_HEADERS", "document"]

_DEAD: Final = "deadLetter"
_SUFFIX: Final = StreamSettings.dead_letter_suffix
_REF: Final = "#/components/schemas/{name}"
#: Of the binding itself: a reader would have to guess which version is meant.
_BINDING: Final = {"bindingVersion": "0.5.0"}
_FORMAT: Final = "application/schema+json;version=draft-07"
DEAD_LETTER_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "rfs-code": ("第一处问题的代码", "the code of the first fault"),
    "rfs-path": ("所在字段", "the field it is in"),
    "rfs-zh": ("中文说明", "what is wrong and how to mend it, in Chinese"),
    "rfs-en": ("英文说明", "the same in English"),
    "rfs-failures": (
        "全部问题（JSON 数组：path、code、zh、en）",
        "all faults, a JSON array of path, code, zh, en",
    ),
    "rfs-type": ("数据类别", "the feed type"),
    "rfs-receipt": ("回执编号", "the receipt of the batch"),
    "rfs-topic": ("原消息所在主题", "the topic of the refused message"),
    "rfs-partition": ("原消息所在分区", "its partition"),
    "rfs-offset": ("原消息的位置", "its offset"),
}
"""What a dead letter says: Chinese and English, by header."""


def document() -> dict[str, Any]:
    """Return the document; it is the same in every hub."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rider Hub 骑手数据流接口",
            "version": RFS_VERSION,
            "description": _about(),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {**{name: _channel(name) for name in FEEDS}, _DEAD: _dead_channel()},
        "operations": {
            **{f"receive{name.capitalize()}": _operation("receive", name) for name in FEEDS},
            "sendDeadLetter": _operation("send", _DEAD),
        },
        "components": {
            "schemas": _schemas(),
            "messages": {**{name: _message(name) for name in FEEDS}, _DEAD: _dead_letter()},
        },
    }


def _about() -> str:
    return (
        "平台把每条登记信息作为一条 Kafka 消息发送，一类数据一个主题，名称由协议约定。"
        "以骑手、站点或诉求编号为消息键；不看消息头。重复、乱序不影响结果。被拒收的消息在死信主题中说明原因，不含原消息的内容。"
        "字段、规则与推送接口相同，见 /api/openapi.json。\n\n"
        "A platform sends each record as one message, each feed to a topic that the agreement names. The key "
        "is the reference of rider, station or request; headers are not read. Sent twice or out of order, "
        "messages come to the same. Refused ones are told of in a topic of dead letters, without anything of "
        "their content. Fields and rules are those of pushes (/api/openapi.json). A new major version is "
        f"announced {versions().notice_months} months before the old one ends."
    )


def _channel(name: FeedType) -> dict[str, Any]:
    title = FEED_TITLES[name]
    return {
        "address": "{topic}",
        "title": f"{title} {name}",
        "description": f"平台发送的{title}，一条消息一条 / One {name} a message, sent by the platform",
        "parameters": {"topic": _topic(f"ding.{name}")},
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"kafka": {**_BINDING, "topicConfiguration": {"cleanup.policy": ["delete"]}}},
    }


def _dead_channel() -> dict[str, Any]:
    return {
        "address": f"{{topic}}{_SUFFIX}",
        "title": "死信 dead letters",
        "description": (
            f"主题名称加 {_SUFFIX}（除非区县另有设置），每条拒收的消息至少告知一次 / "
            f"A topic's name with {_SUFFIX} at the end, unless the county sets another; each refused message "
            "is told of at least once"
        ),
        "parameters": {"topic": _topic("ding.registration")},
        "messages": {_DEAD: {"$ref": f"#/components/messages/{_DEAD}"}},
        "bindings": {"kafka": dict(_BINDING)},
    }


def _topic(example: str) -> dict[str, Any]:
    return {"description": "协议约定的主题 / the topic as the agreement names it", "examples": [example]}


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{channel}"}],
        "summary": {
            "receive": f"接收{FEED_TITLES.get(channel, '')} / Take in what the platform streams",
            "send": "告知拒收的消息 / Tell of refused messages",
        }[action],
    }


def _message(name: FeedType) -> dict[str, Any]:
    record = RECORD_TYPES[name].__name__
    return {
        "name": name,
        "title": FEED_TITLES[name],
        "contentType": "application/json",
        "payload": {"schemaFormat": _FORMAT, "schema": {"$ref": _REF.format(name=record)}},
        "bindings": {
            "kafka": {
                **_BINDING,
                "key": {"type": "string", "description": f"{SUBJECTS[name]}, UTF-8"},
            }
        },
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": _DEAD,
        "title": "死信 dead letter",
        "description": (
            "不含原消息的内容（值为空），按所述主题、分区和位置可找到原消息 / It has no value: nothing of "
            "the refused message is repeated, which is found by its topic, partition and offset"
        ),
        "headers": {**_headers(DEAD_LETTER_HEADERS), "required": list(DEAD_LETTER_HEADERS)},
        "payload": {"type": "null"},
        "bindings": {
            "kafka": {
                **_BINDING,
                "key": {"type": "string", "description": "原消息的键 / the key of the refused message"},
            }
        },
    }


def _headers(words: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": f"{zh} / {en}"} for name, (zh, en) in words.items()
        },
    }


def _schemas() -> dict[str, Any]:
    _, found = msgspec.json.schema_components(list(RECORD_TYPES.values()), ref_template=_REF)
    schemas: dict[str, Any] = {name: dict(schema) for name, schema in found.items()}
    for name, kind in RECORD_TYPES.items():
        own = schemas[kind.__name__]
        own["description"] = f"{own['description']} {RULES_IN_WORDS[name]}"
    return schemas
