"""Nouns: what is, as frozen values. Standard library only; nothing here decides, waits or calls."""
