"""Tests of rider_hub.access."""
