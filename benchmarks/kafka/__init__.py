"""Measures streams by Kafka into PostgreSQL: against pushes, and after a kill and a pause."""
