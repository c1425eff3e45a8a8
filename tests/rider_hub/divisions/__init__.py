"""Tests of rider_hub.divisions."""
