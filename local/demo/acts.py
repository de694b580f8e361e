"""The acts: each asks the system for something through a real door, shows what came, and says what was expected of it."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local.demo.costs import Cost, after, instant, row_of, table
from local.demo.doors import Answer, Json, until
from local.demo.scene import CLUSTER, LONGEST, Scene, alive, example, must, stage
from local.demo.screen import Style

_LOG_FOLLOWS = 10.0  # seconds of real time between the end of an operation and the last line about it in the log, at most


def create(scene: Scene) -> None:
    """A definition becomes a plan, then an operation, then a cluster."""
    screen, expect, app = scene.screen, scene.expect, scene.app
    definition = example("create.json")
    screen.asked("POST /api/operations?plan_only=true  docs/examples/create.json")
    plan = must(app.post("/api/operations?plan_only=true", definition), 200, "to a plan that can be made").body["plan"]
    screen.heard("200, the plan:")
    for number, step in enumerate(plan["steps"], 1):
        screen.line(f"{number}. {step['name']}", indent=5)
    actions = [step["action"] for step in plan["steps"]]
    expect.same("the plan has the three steps that this takes", wanted=["register_provider", "make_group", "make_cluster"], found=actions)
    expect.same("nothing was stored", wanted=0, found=len(app.operations()))

    key = "shop-cluster-1"
    screen.asked(f"POST /api/operations  the same definition, with the header Idempotency-Key: {key}")
    accepted = scene.submit(definition, key=key)
    screen.asked("POST /api/operations  once more, as a client does that missed the answer")
    again = app.post("/api/operations", definition, key=key)
    expect.same("it is the same operation", wanted=accepted["id"], found=again.body.get("id"))
    expect.same("there is one operation, not two", wanted=1, found=len(app.operations()))

    (ended,) = scene.follow(accepted["id"])
    scene.succeeded(ended)
    scene.has_nodes(system=1, apps=2)


def scale_by_message(scene: Scene) -> None:
    """A bot's message becomes an operation, and the bot is told how it goes."""
    screen, expect = scene.screen, scene.expect
    request = example("scale.json")
    screen.asked(
        f"queue cluster-requests  docs/examples/scale.json: {request['action']} pool {request['pool']} to {request['count']}, "
        f"correlation {request['correlation']}, reply_to {request['reply_to']}"
    )
    scene.bot.send(request)
    replies: list[Json] = []
    for _ in until(LONGEST, "a reply that says the operation has ended"):
        scene.watch()
        for reply in scene.bot.replies():
            replies.append(reply)
            screen.heard(f"{reply['event']:<8}  {reply.get('status', reply.get('detail'))}, correlation {reply.get('correlation')}")
        if any(reply["event"] in {"ended", "refused"} for reply in replies):
            break
        screen.progress("the bot waits for replies", scene.clock)
    told = {reply["event"] for reply in replies}
    expect.same("the bot was told: accepted, started, ended", wanted=["accepted", "ended", "started"], found=sorted(told))
    marks = {reply.get("correlation") for reply in replies}
    expect.same("each reply has the bot's own correlation", wanted={request["correlation"]}, found=marks)
    operations = {str(reply.get("operation")) for reply in replies}
    expect.same("all replies are about one operation", wanted=1, found=len(operations))
    for ended in scene.follow(*operations):
        scene.succeeded(ended)
    scene.has_nodes(system=1, apps=5)


def two_at_once(scene: Scene) -> None:
    """Two requests for one cluster: one goes first, the other waits in line."""
    screen, expect = scene.screen, scene.expect
    requests: list[Json] = [
        {"action": "scale", "cluster": CLUSTER, "pool": "apps", "count": 3},
        {"action": "scale", "cluster": CLUSTER, "pool": "system", "count": 2},
    ]
    for request in requests:
        screen.asked(f"POST /api/operations  scale pool {request['pool']} to {request['count']}")
    with ThreadPoolExecutor(max_workers=len(requests)) as both:
        answers = [must(answer, 202, "to both requests").body for answer in both.map(_sender(scene), requests)]
    answered = zip(answers, requests, strict=True)
    taken = sorted(answered, key=lambda pair: int(pair[0]["queue_position"]))
    for operation, request in taken:
        screen.heard(f"202 pool {request['pool']}: {operation['status']}, queue_position {operation['queue_position']}")
    stands = [(operation["status"], operation["queue_position"]) for operation, _ in taken]
    expect.same("one goes ahead, the other waits in line", wanted=[("running", 0), ("queued", 1)], found=stands)
    first, second = scene.follow(*(operation["id"] for operation, _ in taken))
    scene.succeeded(first)
    scene.succeeded(second)
    over, began = str(first["ended_at"]), str(second["started_at"])
    expect.true("the second began when the first had ended", so=over <= began, wanted=f"a start after {over}", found=began)
    scene.has_nodes(system=2, apps=3)


def _sender(scene: Scene) -> Callable[[Json], Answer]:
    return lambda request: scene.app.post("/api/operations", request)


def refused(scene: Scene) -> None:
    """What cannot be is refused at once, by name, and leaves nothing behind."""
    screen, expect, app = scene.screen, scene.expect, scene.app
    before = len(app.operations())
    for asked, status, code, pointer in (
        ({"action": "scale", "pool": "system", "count": 0}, 422, "impossible", "/count"),
        ({"action": "scale", "pool": "apps", "nodes": 4}, 400, "malformed", "/nodes"),
    ):
        screen.asked(f"POST /api/operations  {json.dumps(asked)}")
        answer = app.post("/api/operations", {**asked, "cluster": CLUSTER})
        screen.heard(f"{answer.status} {answer.body.get('code')}: {answer.body.get('detail')}")
        found = (answer.status, answer.body.get("code"), [fault["pointer"] for fault in answer.body.get("errors", [])])
        expect.same(f"refused with {status} {code}, pointing at {pointer}", wanted=(status, code, [pointer]), found=found)
    expect.same("nothing was stored", wanted=before, found=len(app.operations()))


def quiet_night(scene: Scene) -> None:
    """The cluster is stopped and started again; what cannot be meanwhile is refused."""
    screen, expect, app = scene.screen, scene.expect, scene.app
    request = example("stop.json")
    screen.asked("POST /api/operations  docs/examples/stop.json")
    (ended,) = scene.follow(scene.submit(request)["id"])
    scene.succeeded(ended)
    scene.is_powered("Stopped")
    screen.asked("POST /api/operations  stop, once more")
    again = must(app.post("/api/operations", request), 202, "to a request whose goal holds").body
    screen.heard(f"202 {again['status']}: {again['because']}")
    expect.same("what is so already is nothing to do", wanted="succeeded", found=again["status"])
    screen.asked("POST /api/operations  scale pool apps to 4, while the cluster is stopped")
    refusal = app.post("/api/operations", {"action": "scale", "cluster": CLUSTER, "pool": "apps", "count": 4})
    screen.heard(f"{refusal.status} {refusal.body.get('code')}: {refusal.body.get('detail')}")
    found = (refusal.status, refusal.body.get("code"))
    expect.same("what AKS cannot do with a stopped cluster is refused", wanted=(422, "impossible"), found=found)
    screen.asked("POST /api/operations  start")
    (ended,) = scene.follow(scene.submit({"action": "start", "cluster": CLUSTER})["id"])
    scene.succeeded(ended)
    scene.is_powered("Running")
    scene.has_nodes(system=2, apps=3)


def upgraded_and_killed(scene: Scene) -> None:
    """One minor on, control plane first; in the middle the host dies between Azure's yes and hearing it."""
    screen, expect, stack, app = scene.screen, scene.expect, scene.stack, scene.app
    seen = len(scene.azure.asked())
    request = example("upgrade.json")
    screen.asked("GET /api/clusters/.../upgrades")
    cluster = must(app.get("/api/clusters"), 200, "to a look at the clusters").body["clusters"][0]
    path = f"/api/clusters/{cluster['subscription']}/{CLUSTER}/upgrades"
    offer = must(app.get(path), 200, "to a look at what is offered").body
    targets = [target["version"] for target in offer["targets"]]
    screen.heard(f"200 control plane at {offer['kubernetes_version']}, AKS offers {', '.join(targets)}")
    scene.azure.keep_silent("PUT", "/agentPools/system$")
    screen.asked(f"POST /api/operations  docs/examples/upgrade.json: to {request['version']}")
    accepted = scene.submit(request)
    for number, step in enumerate(accepted["plan"]["steps"], 1):
        screen.line(f"{number}. {step['name']}", indent=5)
    for _ in until(LONGEST, "the app's PUT of pool system in the simulated Azure's log"):
        scene.watch()
        if any(path.endswith("/agentPools/system") for path in _puts(scene, seen)):
            break
        screen.progress(stage(app.get(accepted["links"]["self"]).body), scene.clock)
    pids = stack.host_pids
    stack.kill_host()
    scene.marks.append((stack.recipe.world.now(), f"SIGKILL: host and worker are dead (processes {', '.join(map(str, pids))})"))
    screen.heard("the control plane is done, Azure has taken the call for the first pool; SIGKILL to the host and its worker")
    expect.same("host and worker are dead", wanted=[], found=alive(pids))
    scene.killed, scene.lost_calls = accepted["id"], len(scene.azure.asked()) - scene.spent().total.arm
    screen.progress("starting the host again")
    stack.start_host()
    scene.marks.append((stack.recipe.world.now(), "the host is up again"))
    screen.heard("the host is up again; the message it held comes back ten minutes, in the world, after it was taken")
    (ended,) = scene.follow(accepted["id"])
    scene.succeeded(ended)
    wanted = [CLUSTER.split("/")[1], "system", "apps"]
    found = [path.rpartition("/")[2] for path in _puts(scene, seen)]
    expect.same("Azure was asked once for each: control plane, then the pools", wanted=wanted, found=found)
    offer = must(app.get(path), 200, "to a look at what is offered").body
    versions = {offer["kubernetes_version"], *(pool["kubernetes_version"] for pool in offer["pools"])}
    expect.same(f"control plane and both pools are at {targets[-1]}, as planned", wanted={targets[-1]}, found=versions)
    _tell_history(scene, ended)


def _tell_history(scene: Scene, operation: Json) -> None:
    """The operation's history, with what was done to the host in between."""
    answer = scene.app.get(f"{operation['links']['self']}?history=true")
    events = [(instant(event["at"]), event["text"]) for event in must(answer, 200, "to a look at a history").body["history"]]
    scene.screen.line("The operation's own history, with what was done to the host in between:", indent=3)
    for at, text in sorted([*events, *scene.marks]):
        style = Style.RED if (at, text) in scene.marks else Style.PLAIN
        sign = "*" if (at, text) in scene.marks else " "
        scene.screen.line(f"{after(instant(operation['created_at']), at):>7} {sign} {text}", style=style, indent=3, hang=10)


def _puts(scene: Scene, since: int) -> list[str]:
    """The paths that the app has PUT something to, in order."""
    return [
        str(entry["path"]).partition("?")[0] for entry in scene.azure.asked(since=since) if entry["method"] == "PUT" and entry["applied"]
    ]


def delete(scene: Scene) -> None:
    """Deletion must name the cluster again, and takes the resource group with it."""
    screen, expect, app = scene.screen, scene.expect, scene.app
    request = example("delete.json")
    screen.asked('POST /api/operations  delete, with "confirm": "mycluster"')
    wrong = app.post("/api/operations", {**request, "confirm": "mycluster"})
    screen.heard(f"{wrong.status} {wrong.body.get('code')}: {wrong.body.get('detail')}")
    expect.same("a wrong name is refused", wanted=(422, "impossible"), found=(wrong.status, wrong.body.get("code")))
    screen.asked(f'POST /api/operations  docs/examples/delete.json, with "confirm": "{request["confirm"]}"')
    accepted = scene.submit(request)
    (ended,) = scene.follow(accepted["id"])
    scene.succeeded(ended)
    steps = [(step["action"], step["state"]) for step in ended["plan"]["steps"]]
    expect.same("cluster and resource group were deleted", wanted=[("remove_cluster", "done"), ("remove_group", "done")], found=steps)
    expect.same("the cluster is not found any more", wanted=404, found=app.get(ended["links"]["cluster"]).status)
    expect.same("no cluster is left", wanted=[], found=app.get("/api/clusters").body.get("clusters"))


def costs(scene: Scene) -> None:
    """What the operations cost, as the system itself tells it."""
    screen, expect = scene.screen, scene.expect
    operations = scene.app.operations()
    spent = scene.spent()
    for _ in until(_LOG_FOLLOWS, "the last line about each operation in the log"):
        spent = scene.spent()
        if {operation["id"] for operation in operations} <= spent.closed:
            break
    rows = [row_of(operation, spent.by_operation.get(operation["id"], Cost())) for operation in operations]
    rows = [row.with_lost_calls(scene.lost_calls) if row.operation == scene.killed else row for row in rows]
    screen.rows(table(rows, scene.speed), indent=3, heading=True)
    screen.line()
    screen.line(
        "How it was counted: the requests that the app logs for each invocation, plus get and delete for each queue message delivered. "
        "+ The killed process could log nothing: its calls are from the simulated Azure's log, its few storage transactions are missing.",
        style=Style.DIM,
        indent=3,
    )
    screen.line()
    statuses = [operation["status"] for operation in operations]
    expect.same("nine operations were accepted, and all succeeded", wanted=["succeeded"] * 9, found=statuses)
    asked, told = len(scene.azure.asked()), f"{spent.total.arm} logged and {scene.lost_calls} by the killed process"
    what = f"the simulated Azure counted the same: {asked} calls with all plans and reads, {told}"
    expect.true(what, so=asked == spent.total.arm + scene.lost_calls, wanted=f"{asked} calls", found=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act: what is shown, why it matters, and how."""

    name: str
    why: str
    play: Callable[[Scene], None]


ACTS: Sequence[Act] = (
    Act(
        name="Create a cluster over HTTP",
        why="Three nodes in two pools. The plan can be read before anything happens, and asking twice is harmless.",
        play=create,
    ),
    Act(
        name="Scale a pool to five nodes by a bot's message",
        why="Another program needs only a queue: it asks there, and is told on its own queue how it goes.",
        play=scale_by_message,
    ),
    Act(
        name="Two requests at once for one cluster",
        why="A cluster does one thing at a time. Nobody is turned away for that: the second waits its turn.",
        play=two_at_once,
    ),
    Act(
        name="Requests that are refused",
        why="What cannot be done is said at once and in words, before Azure is asked to change anything.",
        play=refused,
    ),
    Act(
        name="A quiet night: stop the cluster, and start it again",
        why="A stopped cluster costs no nodes. Success is said only when its power state has been read back.",
        play=quiet_night,
    ),
    Act(
        name="Upgrade by one minor, and the host is killed in the middle",
        why="At the worst moment, between Azure's yes and hearing it. What was accepted ends all the same, and nothing is done twice.",
        play=upgraded_and_killed,
    ),
    Act(
        name="Delete the cluster and its resource group",
        why="What cannot be taken back must be confirmed by the cluster's name.",
        play=delete,
    ),
    Act(
        name="What it cost",
        why="Calls to Azure are throttled and storage transactions are billed, so every one is counted.",
        play=costs,
    ),
)
