"""Tests of rider_hub.intake."""
