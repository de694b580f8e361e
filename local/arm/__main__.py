"""The simulator's command line: serves one world on loopback and prints one JSON line when it listens."""

import argparse
import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path

from local.arm.durations import fixed, recorded
from local.arm.server import Addresses, serve
from local.arm.world import SUBSCRIPTION, World
from local.worldtime import WorldTime


def main() -> None:
    """Read the arguments and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.arm", description="A simulated Azure Resource Manager with AKS.")
    parser.add_argument("--port", type=int, default=0, help="where ARM listens (HTTPS on 127.0.0.1); 0 is any free port")
    parser.add_argument("--identity-port", type=int, default=0, help="where the managed-identity endpoint listens (HTTP on 127.0.0.1)")
    parser.add_argument("--cert", type=Path, required=True, help="certificate chain, PEM")
    parser.add_argument("--key", type=Path, required=True, help="its private key, PEM")
    parser.add_argument("--world", type=WorldTime.parse, default=None, metavar="SPEED@REAL/WORLD", help="its clock; default: real time")
    parser.add_argument("--seed", type=int, default=0, help="decides all that is left to chance")
    parser.add_argument("--state", type=Path, default=None, help="file that keeps the world; its log is beside it, .log.jsonl")
    parser.add_argument("--subscription", action="append", default=None, metavar="GUID", help=f"may be repeated; default {SUBSCRIPTION}")
    parser.add_argument("--identity-secret", default=None, help="what X-IDENTITY-HEADER must say; default: anything")
    parser.add_argument("--registered", action="store_true", help="start with Microsoft.ContainerService registered")
    parser.add_argument("--fixed-duration", type=float, default=None, metavar="SECONDS", help="every operation takes this long")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")

    clock = arguments.world or WorldTime.starting_now(1.0)
    world = World(
        clock=clock.now,
        seed=arguments.seed,
        subscriptions=tuple(arguments.subscription or (SUBSCRIPTION,)),
        state_file=arguments.state,
        durations=recorded if arguments.fixed_duration is None else fixed(timedelta(seconds=arguments.fixed_duration)),
        registered=arguments.registered,
        identity_secret=arguments.identity_secret,
    )

    def ready(addresses: Addresses) -> None:
        print(json.dumps({"ready": True, "arm": addresses.arm, "identity": addresses.identity}), flush=True)

    asyncio.run(
        serve(
            world,
            port=arguments.port,
            identity_port=arguments.identity_port,
            certificate=arguments.cert,
            private_key=arguments.key,
            ready=ready,
        )
    )


if __name__ == "__main__":
    main()
