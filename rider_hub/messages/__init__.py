"""The outbox and the ports that deliver it."""
