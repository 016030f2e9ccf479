"""The table at the end of a run."""

import collections
import json

from server import DRAINING, KILL_POINTS


def rows_of(run, verdict) -> list[tuple[str, object]]:
    folder, server, stage = run.folder, run.server.happened, run.stage
    crowd = json.loads((folder / "crowd.json").read_text()) if (folder / "crowd.json").exists() else {}
    others = sum((runs.happened for runs in run.cli_runs + run.library_runs), collections.Counter())
    killed_servers = sum(count for what, count in server.items() if what.startswith("kill "))
    client_kills = crowd.get("killed", 0) + sum(crowd.get(name, 0) + others[name] for name in ("SIGTERM", "SIGINT"))

    rows = [("seed", run.seed), ("minutes", f"{run.minutes:.1f}"), ("", "")]
    rows += [(name, count) for name, count in verdict.counts.items()]
    rows += [("", ""), ("server kills", killed_servers)]
    rows += [("  at random (SIGKILL)", server["kill -9"])]
    rows += [(f"  kill point {name}", server[f"kill point {name}"]) for name in (*KILL_POINTS, DRAINING)]
    rows += [("server drains (SIGTERM)", server["SIGTERM"]), ("server pauses (SIGSTOP)", server["SIGSTOP"])]
    rows += [("client processes", crowd.get("clients", 0)), ("logins of the CLI", others["logins"])]
    rows += [("processes with the client library", others["processes"])]
    rows += [("client kills", client_kills + others["SIGKILL"])]
    rows += [("  SIGKILL", crowd.get("killed", 0) + others["SIGKILL"])]
    rows += [(f"  {name}", crowd.get(name, 0) + others[name]) for name in ("SIGTERM", "SIGINT")]
    rows += [("client pauses (SIGSTOP)", crowd.get("SIGSTOP", 0) + others["SIGSTOP"])]
    for title, faults in (
        ("sink faults", _lines(folder / "sink_faults.txt")),
        ("provider faults", collections.Counter(stage.happened.get("provider", []))),
        ("faults on the way", _lines(folder / "proxy_faults.txt")),
        ("pauses (SIGSTOP) of", collections.Counter(stage.happened.get("SIGSTOP", []))),
    ):
        rows += [("", ""), (title, faults.total())]
        rows += [(f"  {name}", count) for name, count in sorted(faults.items())]
    rows += [("", ""), ("violations", len(verdict.violations))]
    rows += [(f"  {kind}", count) for kind, count in sorted(verdict.by_kind().items())]
    return rows


def _lines(path) -> collections.Counter:
    return collections.Counter(path.read_text().splitlines()) if path.exists() else collections.Counter()


def show(run, verdict):
    for name, value in rows_of(run, verdict):
        print(f"  {name:45} {value:>10}".rstrip())
    for violation in verdict.violations[:20]:
        print(f"VIOLATION {violation}")
    if len(verdict.violations) > 20:
        print(f"... and {len(verdict.violations) - 20} more")
    for trouble in run.trouble:
        print(f"TROUBLE {trouble}")
    print(f"chaos: seed {run.seed}: {len(verdict.violations)} violations", flush=True)
