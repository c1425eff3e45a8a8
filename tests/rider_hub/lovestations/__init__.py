"""Tests of rider_hub.lovestations."""
