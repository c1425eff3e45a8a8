"""Compiled loops over plain arrays; imported on first use, for loading the compiler takes half a second."""
