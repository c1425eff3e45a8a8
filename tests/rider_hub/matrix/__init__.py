"""Who may do what, where: every route, role and region, driven against one world of two counties."""
