"""Tests of rider_hub.messages."""
