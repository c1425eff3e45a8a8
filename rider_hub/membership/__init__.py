"""Declarations and their consents, sealed and apart from everything else (PIPL 28-32)."""
