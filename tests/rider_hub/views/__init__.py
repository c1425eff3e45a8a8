"""Tests of rider_hub.views."""
