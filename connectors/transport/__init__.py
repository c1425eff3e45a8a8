"""How feeds come in and go out: files, signed pushes, pulls; no rule of the contract is here."""
