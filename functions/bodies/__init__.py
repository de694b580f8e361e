"""Bodies of requests, a module for each family of actions, loaded when its action is first asked for: a start pays for no other."""

from functions.bodies.asking import Body


def body_of(action: str) -> Body:
    """How the body of an action is read. Raises KeyError for an action that nobody knows here."""
    match action:
        case "create":
            from functions.bodies.creating import CREATE

            return CREATE
        case "scale":
            from functions.bodies.scaling import SCALE

            return SCALE
        case "delete":
            from functions.bodies.deleting import DELETE

            return DELETE
        case "start":
            from functions.bodies.powering import START

            return START
        case "stop":
            from functions.bodies.powering import STOP

            return STOP
        case "upgrade":
            from functions.bodies.upgrading import UPGRADE

            return UPGRADE
        case _:
            raise KeyError(action)
