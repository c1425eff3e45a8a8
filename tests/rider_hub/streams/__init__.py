"""Streams by a real Kafka: what is taken, told and tried again."""
