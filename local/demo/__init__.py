"""The main job from start to end, for somebody who sees the project for the first time: it asks and looks through the real doors only.

It must not import what ships: all it knows is HTTP, queues, the app's log and the simulator's.
"""
