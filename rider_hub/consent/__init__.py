"""Versioned notices, and the ports through which withdrawal and erasure reach other capabilities."""
