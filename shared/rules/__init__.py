"""Verbs: pure functions. `now` is always an argument; nothing here reads a clock, calls out or logs."""
