//! Scenarios that stress one thing, which is rare in those that combine everything.

use serde_json::{Value, json};

use super::generate::{Build, GENEROUS};
use super::script::Manner;

/// Makes a scenario of one shape.
type Shape = fn(&mut Build) -> Value;

/// Returns a scenario of one of these shapes.
pub(super) fn pressing(build: &mut Build) -> Value {
    let shapes: [(u32, Shape); 9] = [
        (5, arrivals),
        (5, races),
        (3, reservations),
        (3, narrow_and_wide),
        (3, leaving),
        (3, nothing_to_do),
        (3, no_connection),
        (3, pools),
        (3, retries),
    ];
    build.draw.weighted(&shapes)(build)
}

/// Returns a successful request with a recognizable name.
fn good(build: &mut Build, path: &str) -> Value {
    let name = build.name();
    build
        .request_of(
            Manner::Steady,
            &name,
            &format!("/{name}/{path}"),
            json!(GENEROUS),
            0.0,
        )
        .0
}

fn entry(flow: &Value) -> Value {
    json!([{ "name": "m0", "flow": flow }])
}

/// Planned arrivals at a high rate over a few kept connections, to a peer that responds at once.
fn arrivals(build: &mut Build) -> Value {
    let flow = json!([good(build, "ok")]);
    build.of_targets = serde_json::Map::from_iter([("redirects".into(), json!(0))]);
    let rate = build.draw.pick(&[1000, 2500, 5000]);
    let load = json!({
        "rate": format!("{rate}/s"),
        "max_in_flight": build.draw.number(2, 12),
        "duration": format!("{}ms", build.draw.number(40, 120)),
        "arrivals": build.draw.pick(&["constant", "poisson"]),
    });
    json!({ "mix": entry(&flow), "load": load })
}

/// Races with many losers against a fast peer.
fn races(build: &mut Build) -> Value {
    let branches: Vec<Value> = (0..build.draw.number(3, 6))
        .map(|_| {
            let path = build
                .draw
                .weighted(&[(6, "ok"), (1, "delay-1/ok"), (1, "large-50000")]);
            good(build, path)
        })
        .collect();
    let mut race = json!({ "race": branches });
    if build.draw.chance(30) {
        race["win"] = json!("ok");
    }
    let mut flow = vec![race];
    if build.draw.chance(40) {
        flow.push(good(build, "ok"));
    }
    let load = json!({ "vus": build.draw.number(1, 4), "iterations": build.draw.number(10, 50) });
    json!({ "mix": entry(&json!(flow)), "load": load })
}

/// Losing branches that wait for a token, ahead of another step that needs one.
fn reservations(build: &mut Build) -> Value {
    let (loser, pause) = (build.mock().0, build.draw.pick(&["500us", "2ms"]));
    let passes = build.draw.number(2, 6);
    let mut flow = vec![
        json!({ "repeat": { "times": passes, "flow": [{ "race": [{ "think": pause }, loser] }] }, "on_error": "continue" }),
    ];
    flow.push(build.mock().0);
    let rate = build.draw.pick(&["100/s", "250/s"]);
    let limits = json!({ "rate": rate, "burst": build.draw.number(1, 2) });
    let load = json!({ "vus": build.draw.number(1, 2), "iterations": build.draw.number(1, 3) });
    json!({ "mix": entry(&json!(flow)), "load": load, "limits": limits })
}

/// A step with a low rate limit next to another step, both under a wider cap.
fn narrow_and_wide(build: &mut Build) -> Value {
    let step = |build: &mut Build| {
        if build.network {
            good(build, "delay-1/ok")
        } else {
            build.mock().0
        }
    };
    let mut narrow = step(build);
    narrow["limits"] = json!({ "rate": build.draw.pick(&["50/s", "200/s"]) });
    if build.draw.chance(20) {
        narrow["limits"] = json!({ "concurrency": 1 });
    }
    let wide = step(build);
    let cap = json!({ "concurrency": build.draw.number(2, 4) });
    let mix = json!([{ "name": "m0", "flow": [narrow] }, { "name": "m1", "weight": build.draw.number(1, 4), "flow": [wide] }]);
    let vus = build.draw.number(3, 8);
    let load = json!({ "vus": vus, "iterations": build.draw.number(5, 25) });
    json!({ "mix": mix, "load": load, "limits": cap })
}

/// A peer that stops listening while requests are retried.
fn leaving(build: &mut Build) -> Value {
    let name = build.name();
    let path = build
        .draw
        .pick(&["leave", "delay-1/leave", "delay-2/redirect/leave"]);
    let mut step = build
        .request_of(
            Manner::Leaving,
            &name,
            &format!("/{name}/{path}"),
            json!(GENEROUS),
            0.0,
        )
        .0;
    step["retry"] = json!({ "attempts": build.draw.number(2, 4), "backoff": { "constant": build.draw.pick(&["0s", "1ms"]) } });
    step["on_error"] = json!("continue");
    let flow = json!([step, good(build, "ok")]);
    let load = json!({ "vus": build.draw.number(1, 3), "iterations": build.draw.number(1, 8) });
    json!({ "mix": entry(&flow), "load": load })
}

/// Iterations that complete no operation.
fn nothing_to_do(build: &mut Build) -> Value {
    let mut step = if build.network {
        good(build, "ok")
    } else {
        build.mock().0
    };
    step["when"] = json!(build.draw.pick(&["false", "seq() > 1000"]));
    let think = json!({ "think": build.draw.pick(&["1ms", "3ms"]) });
    let flow = match build.draw.number(0, 2) {
        0 => json!([think]),
        1 => json!([step, think]),
        _ => json!([think, step]),
    };
    let load = json!({ "vus": build.draw.number(1, 3), "iterations": build.draw.number(1, 10) });
    json!({ "mix": entry(&flow), "load": load })
}

/// Connections that are never established, and redirects that lead to them.
fn no_connection(build: &mut Build) -> Value {
    let name = build.name();
    let (mut timeout, cost) = build.short_timeout();
    if build.draw.chance(30) {
        timeout = json!({ "connect": "15ms", "total": GENEROUS });
    }
    let mut step = if build.draw.chance(50) {
        build
            .request_of(Manner::Deaf, &name, &format!("/{name}/ok"), timeout, cost)
            .0
    } else {
        build.used.insert(Manner::Deaf);
        let path = build
            .draw
            .pick(&["away-deaf/ok", "delay-2/redirect/away-deaf/ok"]);
        build
            .request_of(
                Manner::Steady,
                &name,
                &format!("/{name}/{path}"),
                timeout,
                cost,
            )
            .0
    };
    if build.draw.chance(30) {
        step["retry"] = json!({ "attempts": 2, "backoff": { "constant": "1ms" } });
    }
    step["on_error"] = json!("continue");
    let mut mix = entry(&json!([step, good(build, "ok")]));
    let other = build.name();
    let never = build
        .request_of(
            Manner::Deaf,
            &other,
            &format!("/{other}/ok"),
            json!("10ms"),
            0.0,
        )
        .0;
    let flow = mix[0]["flow"].as_array_mut().expect("a list");
    flow.push(json!({ "flow": [never], "when": "false" }));
    build.of_targets = serde_json::Map::from_iter([("redirects".into(), json!(3))]);
    json!({ "mix": mix, "load": { "vus": build.draw.number(1, 3), "iterations": build.draw.number(1, 3) } })
}

/// More users than connections.
fn pools(build: &mut Build) -> Value {
    let keep = build
        .draw
        .pick(&["shared", "per_vu", "per_iteration", "never"]);
    build.of_targets = serde_json::Map::from_iter([
        ("max_connections".into(), json!(build.draw.number(1, 3))),
        ("keep_alive".into(), json!(keep)),
    ]);
    let path = build
        .draw
        .pick(&["ok", "delay-1/ok", "close", "flakycut-20"]);
    let step = good(build, path);
    let other = good(build, "ok");
    let flow = match build.draw.number(0, 3) {
        0 => json!([{ "race": [step, other] }]),
        1 => json!([{ "parallel": [step, other] }]),
        _ => json!([step, other]),
    };
    let load = json!({ "vus": build.draw.number(2, 8), "iterations": build.draw.number(5, 30) });
    json!({ "mix": entry(&flow), "load": load })
}

/// Many retries, under limits.
fn retries(build: &mut Build) -> Value {
    let name = build.name();
    let path = build
        .draw
        .pick(&["flaky-50", "flakycut-50", "status-503", "cut"]);
    let mut step = build
        .request_of(
            Manner::Steady,
            &name,
            &format!("/{name}/{path}"),
            json!(GENEROUS),
            0.0,
        )
        .0;
    let backoff = build.draw.pick(&["500us", "1ms", "3ms"]);
    step["retry"] = json!({ "attempts": build.draw.number(2, 5), "backoff": { "linear": { "step": backoff } } });
    step["on_error"] = json!("continue");
    if build.draw.chance(60) {
        step["limits"] = build.limits();
    }
    let flow = json!([step]);
    let load = json!({ "vus": build.draw.number(1, 6), "iterations": build.draw.number(3, 25) });
    json!({ "mix": entry(&flow), "load": load })
}
