"""Service requests (诉求): routing, clock, answers (articles 14, 20, 29)."""
