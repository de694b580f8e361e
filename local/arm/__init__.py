"""A simulated Azure Resource Manager with AKS: it speaks ARM's wire, remembers what it was told, and keeps a log of what it was asked.

`World` is the whole of it without sockets; `python -m local.arm` serves one over HTTPS. Nothing here knows the app, its types or an SDK.
"""

from local.arm.faults import Answer, Fault, LostAnswer, Outcome, Reset, Silence, Slow
from local.arm.wire import Drop, Reply, Request
from local.arm.world import World

__all__ = ["Answer", "Drop", "Fault", "LostAnswer", "Outcome", "Reply", "Request", "Reset", "Silence", "Slow", "World"]
