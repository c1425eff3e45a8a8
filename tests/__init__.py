"""Tests of behaviour, mirroring the source."""
