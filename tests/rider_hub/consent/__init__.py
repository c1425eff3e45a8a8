"""Tests of rider_hub.consent."""
