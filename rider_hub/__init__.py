"""The hub: one folder a capability, imports running down (docs/architecture.md)."""

__version__ = "0.1.0"
