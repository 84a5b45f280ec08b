//! [`generate`]: creates a scenario from a seed. Durations are a few milliseconds, so that it runs
//! in tens of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::draw::Draw;
use super::script::Manner;
use super::shapes;

/// A timeout that even a busy machine meets, for requests that the peer answers.
pub(super) const GENEROUS: &str = "3s";
/// The maximum number of steps of a scenario.
const MAX_STEPS: usize = 9;
/// The maximum depth of groups.
const MAX_DEPTH: u32 = 3;

/// Returns the scenario of a seed.
pub(super) fn generate(seed: u64) -> Value {
    let mut build = Build::new(seed);
    let mut scenario = match build
        .draw
        .weighted(&[(58, Shape::Mixed), (42, Shape::Pressing)])
    {
        Shape::Mixed => build.mixed(),
        Shape::Pressing => shapes::pressing(&mut build),
    };
    let top = scenario.as_object_mut().expect("a map");
    top.insert("name".into(), json!(format!("seed-{seed}")));
    top.insert("seed".into(), json!(seed));
    top.entry("workers")
        .or_insert_with(|| json!(build.draw.number(1, 2)));
    if !build.used.is_empty() {
        let targets = build.targets();
        top.insert("targets".into(), targets);
    }
    if build.draw.chance(4) {
        let how = build.draw.pick(&["finish", "give_up"]);
        top.insert(
            "x-interrupt".into(),
            json!({ how: format!("{}ms", build.draw.number(1, 30)) }),
        );
    }
    scenario
}

#[derive(Clone, Copy)]
enum Shape {
    /// Combines everything.
    Mixed,
    /// Stresses one thing.
    Pressing,
}

/// A scenario under construction.
pub(super) struct Build {
    pub draw: Draw,
    /// The number of steps so far: each has a unique name.
    steps: usize,
    /// Targets that a step uses.
    pub used: BTreeSet<Manner>,
    /// Targets of redirects.
    pub led_to: BTreeSet<Manner>,
    /// Whether there is a network.
    pub network: bool,
    /// The common settings of all targets.
    pub of_targets: Map<String, Value>,
}

/// Steps, and their total sequential duration in milliseconds.
pub(super) type Costed<T> = (T, f64);

impl Build {
    fn new(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let network = draw.chance(65);
        Self {
            draw,
            steps: 0,
            used: BTreeSet::new(),
            led_to: BTreeSet::new(),
            network,
            of_targets: Map::new(),
        }
    }

    fn mixed(&mut self) -> Value {
        let entries = self.draw.weighted(&[(6, 1), (3, 2), (1, 3)]);
        let (mut mix, mut cost) = (Vec::new(), 0.0_f64);
        for number in 0..entries {
            let most = MAX_STEPS / entries as usize;
            let (flow, of_flow) = self.flow(0, most);
            let mut entry = json!({ "name": format!("m{number}"), "weight": self.draw.number(1, 3), "flow": flow });
            if self.draw.chance(12) {
                entry["limits"] = self.limits();
            }
            mix.push(entry);
            cost = cost.max(of_flow);
        }
        self.use_what_redirects_lead_to(&mut mix[0]);
        let mut scenario = json!({ "mix": mix, "load": self.load(cost) });
        if self.draw.chance(20) {
            scenario["limits"] = self.limits();
        }
        scenario
    }

    /// Adds steps that never run, because a redirect is followed only to a target that a step uses.
    pub(super) fn use_what_redirects_lead_to(&mut self, entry: &mut Value) {
        let led_to = std::mem::take(&mut self.led_to);
        let steps = led_to
            .iter()
            .map(|to| json!({ "get": "/never/ok", "target": to.name(), "when": "false" }));
        entry["flow"].as_array_mut().expect("a list").extend(steps);
        self.used.extend(led_to);
    }

    /// Returns the steps of a flow.
    fn flow(&mut self, depth: u32, most: usize) -> Costed<Vec<Value>> {
        let count = self.draw.number(1, (most as u64).clamp(1, 4));
        let (mut flow, mut cost) = (Vec::new(), 0.0);
        for _ in 0..count {
            let (steps, of_step) = self.step(depth, most);
            flow.extend(steps);
            cost += of_step;
        }
        (flow, cost)
    }

    /// Returns one step, or sometimes two.
    fn step(&mut self, depth: u32, most: usize) -> Costed<Vec<Value>> {
        let group = if depth < MAX_DEPTH && most > 1 && self.steps < MAX_STEPS {
            5
        } else {
            0
        };
        let kinds = [
            (60, "operation"),
            (5, "think"),
            (4, "token"),
            (group, "flow"),
            (2 * group, "parallel"),
            (2 * group, "race"),
        ];
        let kinds: Vec<_> = kinds
            .into_iter()
            .chain([(group, "repeat"), (group / 2, "until")])
            .collect();
        let inner = most.div_ceil(2);
        let (mut steps, cost) = match self.draw.weighted(&kinds) {
            "think" => {
                let (think, cost) = self.delay();
                (vec![json!({ "think": think })], cost)
            }
            "token" if self.network => self.token(),
            "flow" => {
                let (flow, cost) = self.flow(depth + 1, inner);
                // Every other one is measured as a whole, which changes nothing else.
                let name = format!("g{}", self.steps);
                let timed = self.steps.is_multiple_of(2);
                let step = json!({ "flow": flow, "name": name, "timed": timed });
                (vec![step], cost)
            }
            "parallel" => {
                let (branches, cost) = self.branches(depth, inner);
                let mut step = json!({ "parallel": branches });
                if self.draw.chance(40) {
                    step["concurrency"] = json!(self.draw.number(1, 3));
                }
                if self.draw.chance(40) {
                    step["on_error"] = json!(self.draw.pick(&["cancel", "continue"]));
                }
                (vec![step], cost)
            }
            "race" => {
                let (branches, cost) = self.branches(depth, inner);
                let mut step = json!({ "race": branches });
                if self.draw.chance(40) {
                    step["win"] = json!("ok");
                }
                (vec![step], cost)
            }
            "repeat" => {
                let times = self.draw.number(2, 4);
                let (flow, cost) = self.flow(depth + 1, inner);
                (
                    vec![json!({ "repeat": { "times": times, "flow": flow } })],
                    cost * times as f64,
                )
            }
            "until" => {
                let (passes, name) = (self.draw.number(1, 3), format!("n{}", self.steps));
                let (mut flow, cost) = self.flow(depth + 1, inner);
                flow.insert(
                    0,
                    json!({ "set": { name.as_str(): format!("{name} + 1") } }),
                );
                let until = json!({ "repeat": { "until": format!("{name} >= {passes}"), "max": 5, "flow": flow } });
                (
                    vec![json!({ "set": { name: "0" } }), until],
                    cost * passes as f64,
                )
            }
            _ => {
                let (step, cost) = self.operation();
                (vec![step], cost)
            }
        };
        if let [step] = steps.as_mut_slice() {
            self.modify(step);
        }
        (steps, cost)
    }

    fn branches(&mut self, depth: u32, most: usize) -> Costed<Vec<Value>> {
        let count = self.draw.number(2, 4);
        let mut all = (Vec::new(), 0.0);
        for _ in 0..count {
            let (mut steps, cost) = self.step(depth + 1, most.div_ceil(2));
            let step = if steps.len() == 1 {
                steps.remove(0)
            } else {
                json!({ "flow": steps })
            };
            all.0.push(step);
            all.1 += cost;
        }
        all
    }

    /// Adds modifiers that any step may have.
    fn modify(&mut self, step: &mut Value) {
        let conditions = ["true", "false", "seq() % 2 == 0", "random_int(0, 3) > 0"];
        if self.draw.chance(6) {
            step["when"] = json!(self.draw.pick(&conditions));
        }
        if self.draw.chance(6) {
            step["chance"] = json!(self.draw.pick(&["20%", "50%", "90%"]));
        }
        if self.draw.chance(6) {
            step["once"] = json!(true);
        }
        if step.get("on_error").is_none() && self.draw.chance(25) && step.get("parallel").is_none()
        {
            step["on_error"] = json!("continue");
        }
    }

    /// Returns a unique step name.
    pub(super) fn name(&mut self) -> String {
        self.steps += 1;
        format!("s{}", self.steps)
    }

    fn operation(&mut self) -> Costed<Value> {
        let (mut step, mut cost) = if self.network && self.draw.chance(85) {
            self.request()
        } else {
            self.mock()
        };
        if self.draw.chance(15) {
            step["limits"] = self.limits();
            cost += 2.0;
        }
        if self.draw.chance(20) {
            let attempts = self.draw.number(2, 3);
            let (backoff, wait) = self.draw.pick(&[
                (r#"{"constant":"0s"}"#, 0.0),
                (r#"{"constant":"2ms"}"#, 2.0),
                (r#"{"linear":{"step":"1ms"}}"#, 2.0),
                (r#"{"exponential":{"initial":"1ms","jitter":"full"}}"#, 2.0),
            ]);
            let backoff: Value = serde_json::from_str(backoff).expect("JSON");
            step["retry"] = json!({ "attempts": attempts, "backoff": backoff });
            let narrower = self.draw.number(0, 5);
            if narrower == 0 {
                step["retry"]["errors"] = json!(["status", "mock"]);
            } else if narrower == 1 && step.get("target").is_some() {
                step["retry"]["status"] = json!([503]);
            }
            cost = (cost + wait) * attempts as f64;
        }
        (step, cost)
    }

    /// Returns a mock operation.
    pub(super) fn mock(&mut self) -> Costed<Value> {
        let name = self.name();
        let (mut step, cost) = match self
            .draw
            .weighted(&[(8, "sleep"), (1, "cpu"), (1, "block")])
        {
            "cpu" => (
                json!({ "name": name, "cpu": self.draw.pick(&["100us", "1ms"]) }),
                1.0,
            ),
            "block" => (
                json!({ "name": name, "block": self.draw.pick(&["500us", "2ms"]), "offload": self.draw.chance(50) }),
                2.0,
            ),
            _ => {
                let (delay, cost) = self.delay();
                let mut step = json!({ "name": name, "sleep": delay });
                if self.draw.chance(15) {
                    step["timeout"] = json!(self.draw.pick(&["500us", "1ms", "3ms"]));
                }
                (step, cost)
            }
        };
        if self.draw.chance(25) {
            step["fail"] = json!(self.draw.pick(&["30%", "100%"]));
        }
        (step, cost)
    }

    fn delay(&mut self) -> Costed<Value> {
        match self
            .draw
            .weighted(&[(1, 0), (2, 1), (3, 2), (2, 3), (1, 4), (1, 5), (1, 6)])
        {
            0 => (json!("0s"), 0.0),
            1 => (json!("300us"), 0.3),
            2 => (json!("1ms"), 1.0),
            3 => (json!("4ms"), 4.0),
            4 => (json!({ "uniform": ["1ms", "3ms"] }), 2.0),
            5 => (json!({ "exponential": { "mean": "1ms" } }), 1.0),
            _ => (json!({ "lognormal": { "p50": "1ms", "p99": "5ms" } }), 1.5),
        }
    }
}
