"""The geo engine against its peers, in the same run, on scenes made from a seed."""
