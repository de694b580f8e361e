"""Doors: one module for each way in. A door parses, calls one piece of work and replies; it never decides."""
