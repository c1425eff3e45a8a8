"""Pure functions over arrays and frames; nothing of the hub is known here."""
