"""Streams by Kafka: reading topics in a group, sending what was refused, reading single places again.

Nothing is imported here: the client library is loaded by who opens a connection.
"""
