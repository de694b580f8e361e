"""Wake-ups and replies on Storage queues. Messages are plain JSON text; queues are made when one is first found missing."""

import contextlib
import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from shared.model.errors import CallFailed, Code, Failure
from shared.model.messages import STEPS
from shared.model.operations import Wake

NEVER = -1
"""No time to live: a message waits for as long as the app is away."""
LONGEST = timedelta(days=6)
"""A message may be hidden for seven days at most; longer waits belong to the sweep."""


class Queues:
    """The service's queues."""

    def __init__(self, service: QueueServiceClient) -> None:
        """Use the service."""
        self._service = service

    def send(self, queue: str, message: Mapping[str, Any], *, delay: timedelta = timedelta(0)) -> None:
        """Send one message, hidden for `delay` (rounded up to whole seconds: never early)."""
        self.send_text(queue, json.dumps(message, default=str, separators=(",", ":")), delay=delay)

    def send_text(self, queue: str, text: str, *, delay: timedelta = timedelta(0)) -> None:
        """Send one message of this very text, hidden as by `send`."""
        client = self._service.get_queue_client(queue)
        hidden = max(0, math.ceil(min(delay, LONGEST).total_seconds())) or None
        try:
            try:
                client.send_message(text, visibility_timeout=hidden, time_to_live=NEVER)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):
                    client.create_queue()
                client.send_message(text, visibility_timeout=hidden, time_to_live=NEVER)
        except AzureError as fault:
            said = f"queue {queue} did not take a message ({type(fault).__name__})"
            raise CallFailed(Failure(code=Code.UNREACHABLE, message=said, transient=True, unsure=True)) from fault


class QueueWakes:
    """The `Wakes` port on a Storage queue."""

    def __init__(self, queues: Queues) -> None:
        """Use the queues."""
        self._queues = queues

    def send(self, wake: Wake, *, delay: timedelta) -> None:
        """Send a wake-up."""
        self._queues.send(STEPS, wake.message, delay=delay)


class QueueAnnouncer:
    """The `Announcer` port on Storage queues."""

    def __init__(self, queues: Queues) -> None:
        """Use the queues."""
        self._queues = queues

    def say(self, queue: str, message: Mapping[str, object]) -> None:
        """Send a reply."""
        self._queues.send(queue, dict(message))
