#!/usr/bin/env python3
"""Whether the report of a long run answers when, which step, which requests and what was full.

    soak.py [--minutes 20] [--out soak] [--loadgen target/dist/loadgen]

nginx stands before a small shop (app.py), which has three incidents at times that only this script knows. loadgen sends
75 requests a second, and watches the shop, nginx and the machine; Prometheus scrapes loadgen meanwhile. In the end the
same questions are put to `result.json` and to Prometheus, and each answer is held against what was done to the shop.
The report is in the folder of --out. Ends with 1 where an answer is wrong. Needs nginx and prometheus. All traffic goes
to 127.0.0.1.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE)]

from app import INCIDENTS, POOL  # noqa: E402
from common import LOADGEN, free_port, program, running  # noqa: E402

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  upstream shop {{ server 127.0.0.1:{app}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location = / {{ return 200 "welcome"; }}
    location / {{ proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""

PROMETHEUS = """
global: {{ scrape_interval: 5s }}
scrape_configs: [ {{ job_name: loadgen, static_configs: [ {{ targets: ['127.0.0.1:{live}'] }} ] }} ]
"""

SCENARIO = """
name: soak
description: nginx and a small shop with three incidents
modes: [async]
seed: 7
targets: {{ shop: {{ url: 'http://127.0.0.1:{port}', timeout: 30s }} }}
trace: {{ propagate: w3c, sample: 5% }}
watch:
  every: 1s
  app: {{ pid: {pid} }}
  shop: {{ metrics: 'http://127.0.0.1:{app}/metrics', take: [shop_pool_in_use, 'rate(shop_requests_total)'] }}
  nginx: {{ process: nginx }}
  machine: {{ host: true }}
mix:
  - name: browse
    load: {{ rate: 60/s, duration: {seconds}s }}
    flow:
      - {{ get: /, name: home, on_error: continue }}
      - {{ get: '/search?q={{{{random_int(1, 500)}}}}', name: search }}
  - name: buy
    load: {{ rate: 14/s, duration: {seconds}s }}
    flow: [ {{ get: '/checkout?item={{{{random_int(1, 1000)}}}}', name: checkout }} ]
thresholds:
  - error_rate < 5%
  - {{ check: p99 < 250ms, step: search, window: 10s }}
  - {{ check: p99 < 250ms, step: checkout, window: 10s }}
  - watch.app.cpu.max < 90%
  - watch.shop.shop_pool_in_use.max < {pool}
"""


def nginx_program():
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    return found or sys.exit("nginx is not installed (apt-get install nginx-light)")


def episodes(points, seconds):
    """The intervals of points `(time, width)`: those that are close are one, and one of a moment is none."""
    found = []
    for at, width in sorted(points):
        if found and at <= found[-1][1] + seconds * 0.025:
            found[-1][1] = max(found[-1][1], at + width)
        else:
            found.append([at, at + width])
    return [(begin, end) for begin, end in found if end - begin > seconds * 0.01]


def slow(points, seconds):
    """When a step was slow: its p99 is four times its median p99, or more. Points are `(time, width, p99)`."""
    usual = statistics.median(p99 for *_, p99 in points)
    return episodes([(at, width) for at, width, p99 in points if p99 > max(4 * usual, 0.015)], seconds)


def outside(found, incident, slack):
    """The episodes that are not of this incident: one processor for all may make other steps slow, too."""
    return [own for own in found if not (incident[0] - slack <= own[0] and own[1] <= incident[1] + 3 * slack)]


class Answers:
    """What was found, each held against what is true."""

    def __init__(self):
        self.wrong = []

    def add(self, question, answer, is_right):
        print(f"{'right' if is_right else 'WRONG'}  {question}: {answer}")
        if not is_right:
            self.wrong.append(question)


def meets(found, truths, slack):
    """Whether the episodes are the true ones but for some seconds at either end; what has piled up takes time to end."""
    close = lambda own, truth: abs(own[0] - truth[0]) <= slack and -slack <= own[1] - truth[1] <= 3 * slack
    return len(found) == len(truths) and all(map(close, found, truths))


def shown(found):
    return ", ".join(f"{begin:.0f} to {end:.0f} s" for begin, end in found) or "never"


def of_result(result, seconds, answers):
    """Answers from `result.json` alone."""
    run = result["runs"][0]
    truth = {name: (begin * seconds, end * seconds) for name, (begin, end) in INCIDENTS.items()}
    slack = max(3 * run["series"][0]["window_s"], seconds * 0.02)
    by_step, failed = {}, {}
    for window in run["series"]:
        for step in window["steps"]:
            point = (window["t_s"], window["window_s"])
            if "p99_ms" in step:
                by_step.setdefault(step["name"], []).append((*point, step["p99_ms"] / 1e3))
            if step["failed"]:
                failed.setdefault(step["name"], []).append(point)
    times = {step: slow(points, seconds) for step, points in by_step.items()}
    answers.add("report: when was `search` slow", shown(times["search"]), meets(times["search"], [truth["search"]], slack))
    answers.add("report: when was `checkout` slow", shown(times["checkout"]),
                meets(outside(times["checkout"], truth["search"], slack), [truth["pool"]], slack))
    answers.add("report: which steps failed", ", ".join(failed) or "none", list(failed) == ["checkout"])
    times = episodes(failed.get("checkout", []), seconds)
    answers.add("report: when did `checkout` fail", shown(times), meets(times, [truth["items"]], slack))
    urls = [own["url"] for own in result["exemplars"] if own["kind"] == "status"]
    items = [int(url.rsplit("=", 1)[1]) for url in urls]
    answers.add("report: which requests failed", f"{len(items)} examples, items {min(items, default=0)} to {max(items, default=0)}",
                bool(items) and min(items) >= 900)
    slowest = max((own for own in result["exemplars"] if own["step"] == "checkout"), key=lambda own: own["response_ms"])
    answers.add("report: the slowest checkout", f"{slowest['response_ms'] / 1e3:.2f} s at {slowest['t_s']:.0f} s, trace {slowest['trace_id']}",
any(begin - slack <= slowest["t_s"] <= end + slack for begin, end in (truth["search"], truth["pool"])))
    watched = {own["name"]: own for own in result["watched"]}

    def full(name, limit):
        series = watched[name]["series"]
        return episodes([(point["t_s"], 1) for point in series if point["value"] >= limit], seconds)

    cpu = full("app.cpu", 0.85)
    answers.add("report: when was the shop's processor full", shown(cpu), meets(cpu, [truth["search"]], slack))
    pool = full("shop.shop_pool_in_use", POOL)
    answers.add("report: when was the pool full", shown(pool), meets(pool, [truth["pool"]], slack))
    memory = watched["app.rss"]
    print(f"       report: memory of the shop {memory['min'] / 1e6:.0f} to {memory['max'] / 1e6:.0f} MB")


def of_prometheus(at, result, seconds, answers):
    """The same from what Prometheus has scraped."""
    epoch = result["runs"][0]["epoch_unix_ms"] / 1e3
    truth = {name: (begin * seconds, end * seconds) for name, (begin, end) in INCIDENTS.items()}
    slack = max(20, seconds * 0.03)

    def over_time(query):
        asked = urllib.parse.urlencode({"query": query, "start": epoch, "end": epoch + seconds, "step": 5})
        with urllib.request.urlopen(f"http://127.0.0.1:{at}/api/v1/query_range?{asked}") as answer:
            rows = json.load(answer)["data"]["result"]
        return {row["metric"].get("step", ""): [(time - epoch, float(value)) for time, value in row["values"] if value != "NaN"] for row in rows}

    p99 = over_time("histogram_quantile(0.99, sum by (le, step) (rate(loadgen_response_seconds_bucket[20s])))")
    times = {step: slow([(at, 5, value) for at, value in points], seconds) for step, points in p99.items()}
    answers.add("Prometheus: when was `search` slow", shown(times["search"]), meets(times["search"], [truth["search"]], slack))
    answers.add("Prometheus: when was `checkout` slow", shown(times["checkout"]),
                meets(outside(times["checkout"], truth["search"], slack), [truth["pool"]], slack))
    errors = over_time("sum by (step) (rate(loadgen_failures_total[20s])) > 0")
    times = episodes([(at, 5) for at, _ in errors.get("checkout", [])], seconds)
    answers.add("Prometheus: when did `checkout` fail", shown(times), list(errors) == ["checkout"] and meets(times, [truth["items"]], slack))
    pool = over_time('loadgen_watched{watched="shop.shop_pool_in_use", statistic="last"}' f" >= {POOL}")
    times = episodes([(at, 5) for values in pool.values() for at, _ in values], seconds)
    answers.add("Prometheus: when was the pool full", shown(times), meets(times, [truth["pool"]], slack))
    asked = urllib.parse.urlencode({"query": "loadgen_response_seconds_bucket", "start": epoch, "end": epoch + seconds})
    with urllib.request.urlopen(f"http://127.0.0.1:{at}/api/v1/query_exemplars?{asked}") as answer:
        series = json.load(answer)["data"]
    worst = max(((float(own["value"]), own["labels"]["trace_id"]) for row in series for own in row["exemplars"]), default=(0, ""))
    known = {own["trace_id"]: own for own in result["exemplars"] if own["sampled"]}
    answers.add("Prometheus: the trace of the slowest exemplar", f"{worst[1]}, {worst[0]:.2f} s", worst[1] in known)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=float, default=20)
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path("soak"), help="the folder of the report")
    p.add_argument("--loadgen", default=LOADGEN)
    a = p.parse_args()
    loadgen, nginx, out = program(a.loadgen), nginx_program(), a.out.absolute()
    if not (prometheus := shutil.which("prometheus")):
        sys.exit("prometheus is not installed (apt-get install prometheus)")
    seconds, answers = round(a.minutes * 60), Answers()
    with tempfile.TemporaryDirectory(prefix="soak-") as name, contextlib.ExitStack() as servers:
        folder = pathlib.Path(name)
        port, app, live, at = (free_port() for _ in range(4))
        shop = servers.enter_context(running([sys.executable, str(HERE / "app.py"), str(app), str(seconds)], app))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, app=app))
        servers.enter_context(running([nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)], port))
        (folder / "prometheus.yml").write_text(PROMETHEUS.format(live=live))
        command = [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{at}",
                   "--enable-feature=exemplar-storage"]
        servers.enter_context(running(command, at, cwd=folder))
        (folder / "soak.yaml").write_text(SCENARIO.format(port=port, app=app, pid=shop.pid, pool=POOL, seconds=seconds))
        begun = time.monotonic()
        ran = subprocess.run([loadgen, "run", "soak.yaml", "-o", str(out), "--live", f"127.0.0.1:{live}", "--no-progress"], cwd=folder)
        print(f"loadgen ended with {ran.returncode} after {time.monotonic() - begun:.0f} s; 99 means a threshold that is not met")
        result = json.loads((out / "result.json").read_text())
        print(f"validity: {result['validity']['verdict']}")
        of_result(result, seconds, answers)
        of_prometheus(at, result, seconds, answers)
    sys.exit(f"wrong: {', '.join(answers.wrong)}" if answers.wrong or ran.returncode != 99 else 0)


main()
