"""Tests of rider_hub.storage."""
