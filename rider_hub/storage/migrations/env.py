"""Alembic's entry: runs migrations on the connection that rider_hub.storage.migrate hands over."""

from alembic import context

from rider_hub.storage.metadata import PRIVATE_SCHEMA

connection = context.config.attributes["connection"]
context.configure(connection=connection, render_as_batch=True, include_schemas=True)
with context.begin_transaction():
    # One writer at a time: two processes starting together must not migrate together.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7270001)")
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {PRIVATE_SCHEMA}")
    context.run_migrations()
