"""Tests of what pages are made of, on a gallery of made-up content."""
