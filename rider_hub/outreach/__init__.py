"""Activities and invitations under live consent (articles 16, 27, 30)."""
