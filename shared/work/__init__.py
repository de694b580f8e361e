"""Use cases: gather, decide, act, record. No Azure in sight, and no decision that belongs in `rules`."""
