"""Errors of the client library as this program's own, so that nobody else need know the library."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from connectors.transport.kafka.places import ClusterError

__all__ = ["saying_faults"]


@contextmanager
def saying_faults() -> Iterator[None]:
    """Raise ClusterError for whatever the client library raises."""
    try:
        yield
    except KafkaError as error:
        # Its name alone: a text of the library's may quote what was sent.
        raise ClusterError(type(error).__name__) from error
