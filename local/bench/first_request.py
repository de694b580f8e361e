"""Run in a fresh interpreter that has only what ships: imports the app, asks it for one operation, and says what that took.

Standard library and shipped packages only. Arguments: the app's folder, a cluster as `group/name`, and the pool's wanted node count.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    app_root, cluster, count = sys.argv[1:]
    sys.path.insert(0, app_root)

    import azure.functions

    import function_app

    class Output(azure.functions.Out[str]):
        """A queue output, as the worker hands it over; its message is sent by the host, which is another process."""

        def __init__(self) -> None:
            self.message: str | None = None

        def set(self, val: str) -> None:
            """Keep the message."""
            self.message = val

        def get(self) -> str:
            """The message, if one was put out."""
            return self.message or ""

    doors = {function.get_function_name(): function.get_user_function() for function in function_app.app.get_functions()}
    body = json.dumps({"action": "scale", "cluster": cluster, "pool": "system", "count": int(count)}).encode()
    request = azure.functions.HttpRequest(
        method="POST",
        url="http://localhost/api/operations",
        headers={"content-type": "application/json"},
        params={},
        route_params={},
        body=body,
    )
    wakes = Output()
    answer = doors["operations_submit"](request, wakes)
    spent = time.process_time()
    os.write(
        1,
        json.dumps(
            {"processor": spent, "status": answer.status_code if wakes.message else 500, "body": answer.get_body().decode()}
        ).encode()
        + b"\n",
    )
    os._exit(0)
