"""Tests of rider_hub.outreach."""
