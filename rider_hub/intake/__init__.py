"""Records of feeds become riders' registrations here: receipts, quarantine, replay, cursors."""
