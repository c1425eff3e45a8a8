"""Measures taking in registrations against what the databases do at most with the same rows."""
