"""The archive of riders: registrations and their history, identity links (article 27)."""
