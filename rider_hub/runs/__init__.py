"""Rows of scheduled jobs' runs and slots; no job's code."""
