"""Tests of rider_hub.membership."""
