"""Tests of rider_hub.riders."""
