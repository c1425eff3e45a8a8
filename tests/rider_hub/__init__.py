"""Tests of the hub, laid out as the package is."""
