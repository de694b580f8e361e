"""Real processes under fire: three hosts on one queue are killed, storage stopped, the simulated Azure at its worst.

It must not import what ships: it knows the app by its HTTP doors and its `open` table, and judges by the simulator's own log.
"""
