"""Division codes and boundary editions: which community, street and county there are, and where."""
