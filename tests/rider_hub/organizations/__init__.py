"""Tests of rider_hub.organizations."""
