"""The scheduler and one file a job; rules of their own have no place here."""
