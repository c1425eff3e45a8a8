"""Feeds of platform companies become checked records here; no database is known."""
