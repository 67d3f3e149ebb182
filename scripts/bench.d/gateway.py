#!/usr/bin/env python3
"""What the gateway adds to a request, beside a bare pass-through and (where it can be installed) the LiteLLM proxy.

    python scripts/bench.d/gateway.py [--json] [--quick] [--litellm FOLDER | --install-litellm FOLDER]

One tiny upstream, one load client, each contender a process of its own; all of them alternate within one run, so that
ratios hold where figures do not. Prompts of 0.5 kB and of 200 kB. The gateway meters and records as ever.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIZES = {"0.5 kB": 500, "200 kB": 200_000}
LITELLM = "litellm[proxy]==1.106.2"
ROLES = [sys.executable, str(Path(__file__).parent / "parts" / "gateway_roles.py")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def role(
    *argv: str, port: int, wait: float = 20.0, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + wait
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"did not start: {' '.join(argv)}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def contenders(folder: Path, chunks: int, gap: float, litellm: Path | None) -> Iterator[dict[str, dict[str, Any]]]:
    """`direct`, `bare`, `ours` and perhaps `litellm`, all in front of one upstream."""
    with contextlib.ExitStack() as stack:
        up = free_port()
        stack.enter_context(role(*ROLES, "upstream", str(up), str(chunks), str(gap), port=up))
        bare = free_port()
        process = stack.enter_context(role(*ROLES, "bare", str(bare), f"http://127.0.0.1:{up}", port=bare))
        found = {
            "direct": {"port": up, "path": "/v1"},
            "bare": {"port": bare, "path": "/v1", "pid": process.pid},
            "ours": stack.enter_context(gateway(folder, up)),
        }
        if litellm is not None:
            found["litellm"] = stack.enter_context(litellm_proxy(folder, litellm, up))
        yield found


@contextlib.contextmanager
def gateway(folder: Path, upstream: int) -> Iterator[dict[str, Any]]:
    from ralphbench.gateway import StageGrant
    from ralphbench.gateway.process import GatewayProcess
    from ralphbench.model import EndpointSpec, Limits, ModelRef, Spent, Stage, StageModel

    place = Path(tempfile.mkdtemp(dir=folder))
    spec = EndpointSpec("bench", "openai", base_url=f"http://127.0.0.1:{upstream}/v1", auth="none")
    model = StageModel(ModelRef("bench", "m"), "builtin", context=1_000_000, output=1000)
    with GatewayProcess.start(place) as process:
        address = process.client.open_stage(
            StageGrant("bench/a1", place / "a1", Stage.BUILD, "1-build-1", 1, model, spec, Limits(), Spent(), 1)
        )
        port, path = address.url.removeprefix("http://127.0.0.1:").split("/", 1)
        yield {"port": int(port), "path": "/" + path, "pid": process.pid}


@contextlib.contextmanager
def litellm_proxy(folder: Path, venv: Path, upstream: int) -> Iterator[dict[str, Any]]:
    config = folder / f"litellm-{upstream}.yaml"
    config.write_text(
        "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/m\n"
        f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n"
    )
    port = free_port()
    argv = [str(venv / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    # As fast as it can be: no key to check, no price map to fetch, no log.
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    env["LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"] = "true"
    with role(*argv, port=port, wait=120.0, env=env) as process:
        health = f"http://127.0.0.1:{port}/health/liveliness"
        with urllib.request.urlopen(health, timeout=30):
            yield {"port": port, "path": "/v1", "pid": process.pid, "slow": True}


def run_load(target: dict[str, Any], size: int, **options: Any) -> dict[str, Any]:
    argv = [*ROLES, "load", json.dumps([target, size, options])]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    answer: dict[str, Any] = json.loads(out)
    return answer


def alternated(found: dict[str, dict[str, Any]], rounds: int, size: int, **options: Any) -> dict[str, dict[str, float]]:
    """Medians over rounds in which every contender had its turn; the slow one gets fewer requests."""
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, target in found.items():
            total = max(options["at_once"], options["total"] // 10) if target.get("slow") else options["total"]
            seen[name].append(run_load(target, size, **{**options, "total": total}))
    return {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in seen.items()}


def resident(pid: int) -> float:
    """MB."""
    import psutil

    return float(psutil.Process(pid).memory_info().rss) / 1e6


def measure(folder: Path, litellm: Path | None, *, quick: bool) -> list[dict[str, Any]]:
    rounds, few = (5, 4) if quick else (11, 1)
    rows: list[dict[str, Any]] = []
    with contenders(folder, 1, 0.0, litellm) as found:
        for label, size in SIZES.items():
            one = alternated(found, rounds, size, stream=False, at_once=1, total=300 // few)
            rows.append(added(f"one call at a time, {label}: added p50", one, "p50", 2.0))
            first = alternated(found, rounds, size, stream=True, at_once=1, total=300 // few)
            rows.append(added(f"streams, {label}: added time to first token p50", first, "first_p50", 2.0))
            many = alternated(
                found, rounds, size, stream=False, at_once=32, total=(4000 if size < 1000 else 800) // few
            )
            # With large prompts the upstream and the load are the limit, for the bare pass-through too.
            rows.append(throughput(f"32 at once, {label}: requests a second", many))
        for name in ("bare", "ours"):
            run_load(found[name], 500, stream=False, at_once=32, total=10_000 // few)
        bare, ours = resident(found["bare"]["pid"]), resident(found["ours"]["pid"])
        memory = {"what": f"memory after {10_000 // few:,} calls more, MB", "ours": ours, "bare": bare}
        if "litellm" in found:
            memory["litellm"] = resident(found["litellm"]["pid"])
        rows.append({**memory, "limit": "<= 120", "met": ours <= 120})
    with contenders(folder, 100, 0.01, litellm) as found:
        rows.append(paced(alternated(found, 3, 500, stream=True, at_once=32, total=32)))
    return rows


def added(what: str, seen: dict[str, dict[str, float]], key: str, limit: float) -> dict[str, Any]:
    """Milliseconds over the direct way; the limit is a multiple of the bare pass-through's."""
    extra = {name: 1000 * (run[key] - seen["direct"][key]) for name, run in seen.items() if name != "direct"}
    ratio = extra["ours"] / extra["bare"]
    return {"what": what + ", ms", **extra, "ratio": ratio, "limit": f"<= {limit} x bare", "met": ratio <= limit}


def throughput(what: str, seen: dict[str, dict[str, float]]) -> dict[str, Any]:
    rates = {name: run["rate"] for name, run in seen.items()}
    row: dict[str, Any] = {"what": what, **rates, "ratio": rates["ours"] / rates["bare"], "limit": ">= 1/3 x bare"}
    row["met"] = row["ratio"] >= 1 / 3
    if "litellm" in rates:
        row["over_litellm"] = rates["ours"] / rates["litellm"]
        row["limit"] += ", >= 15 x litellm"
        row["met"] = row["met"] and row["over_litellm"] >= 15
    return row


def paced(seen: dict[str, dict[str, float]]) -> dict[str, Any]:
    rates = {name: run["events_rate"] for name, run in seen.items()}
    lost = {f"{name}_lost": 3200 - run["events"] for name, run in seen.items() if name != "litellm"}
    ratio = rates["ours"] / rates["bare"]
    met = ratio >= 0.97 and lost["ours_lost"] == 0
    return {
        "what": "32 streams, 10 ms between chunks: chunks a second of 3,200",
        **rates,
        **lost,
        "ratio": ratio,
        "limit": "none lost, >= 0.97 x bare",
        "met": met,
    }


def install_litellm(venv: Path) -> Path:
    if not (venv / "bin" / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "-q", LITELLM], check=True)
    return venv


def show(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        figures = ", ".join(f"{k} {v:,.2f}" for k, v in row.items() if isinstance(v, float | int) and k != "met")
        print(f"{'ok ' if row['met'] else 'NOT'} {row['what']}: {figures} ({row['limit']})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and calls")
    parser.add_argument("--litellm", type=Path, metavar="FOLDER", help="an environment that has the LiteLLM proxy")
    parser.add_argument("--install-litellm", type=Path, metavar="FOLDER", help="make such an environment first")
    options = parser.parse_args()
    litellm = install_litellm(options.install_litellm) if options.install_litellm else options.litellm
    folder = Path(tempfile.mkdtemp(prefix="ralphbench-bench-"))
    try:
        rows = measure(folder, litellm, quick=options.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"bench": "gateway", "cpus": os.cpu_count(), "rows": rows}))
    else:
        show(rows)
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
