"""The demo: a seeded, fictional world on real places, and its run through the hub; no rule stands here."""
