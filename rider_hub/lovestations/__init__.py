"""Love stations (爱心驿站): the registry, and which are open near a point (article 29)."""
