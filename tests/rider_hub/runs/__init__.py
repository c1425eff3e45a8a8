"""Tests of rider_hub.runs."""
