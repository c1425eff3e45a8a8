"""The Kafka of the tests is a real one: it keeps what it acknowledged, also over kill -9."""

import asyncio
import re
from pathlib import Path
from typing import Any

import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.kafka_server import Broker, make_topic

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = 100


async def test_what_was_acknowledged_outlives_a_kill(own_kafka: Broker) -> None:
    """Order, keys and headers of a topic are the same after kill -9, and its end is where it was."""
    topic = await make_topic(own_kafka.bootstrap)
    await write(own_kafka, topic, range(MESSAGES))
    before = await read(own_kafka, topic, MESSAGES)
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_kafka.start)
    await write(own_kafka, topic, [MESSAGES])
    after = await read(own_kafka, topic, MESSAGES + 1)
    assert after[:MESSAGES] == before
    assert [number for number, *_ in after] == list(range(MESSAGES + 1))
    assert after[-1] == (MESSAGES, b"key", b"%d" % MESSAGES, (("rfs-version", b"1.0"),))


def test_the_deployment_has_the_broker_that_is_tested() -> None:
    """compose.yaml names the version of the tests, and no setting of the hub that there is not."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    tested = re.search(
        r"kafka_2.13</artifactId>\s*<version>([^<]+)", (ROOT / "tests/kafka/pom.xml").read_text("utf-8")
    )
    assert tested is not None
    assert services["kafka"]["image"] == f"apache/kafka:{tested[1]}"
    known = (ROOT / "docs/settings.md").read_text("utf-8")
    for service in services.values():
        named = (
            *service.get("environment", {}),
            *re.findall(r"RIDER_HUB_\w+", str(service.get("command", ""))),
        )
        assert all(f"`{name}`" in known for name in named if name.startswith("RIDER_HUB_"))


async def write(kafka: Broker, topic: str, numbers: Any) -> None:
    """Send numbers and wait until each is acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        for number in numbers:
            await producer.send(topic, b"%d" % number, b"key", headers=[("rfs-version", b"1.0")])


async def read(kafka: Broker, topic: str, count: int) -> list[tuple[Any, ...]]:
    """Read a topic's first messages."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        found = [await consumer.getone() for _ in range(count)]
    return [(one.offset, one.key, one.value, one.headers) for one in found]
