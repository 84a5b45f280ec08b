//! Loads and limits of generated scenarios.

use serde_json::{Map, Value, json};

use super::generate::Build;

/// The maximum sequential duration of a scenario, in milliseconds.
const BUDGET: f64 = 100.0;

impl Build {
    /// Returns limits for a run, a target, a step or a mix entry.
    pub(super) fn limits(&mut self) -> Value {
        let mut limits = Map::new();
        let kind = self.draw.number(0, 9);
        if kind < 7 {
            limits.insert("concurrency".into(), json!(self.draw.number(1, 4)));
        }
        if kind > 5 {
            limits.insert(
                "rate".into(),
                json!(self.draw.pick(&["300/s", "1000/s", "5000/s"])),
            );
            if self.draw.chance(60) {
                limits.insert("burst".into(), json!(self.draw.number(1, 6)));
            }
        }
        if self.draw.chance(30) {
            limits.insert("queue".into(), json!(self.draw.number(0, 3)));
            limits.insert("on_full".into(), json!("drop"));
        }
        Value::Object(limits)
    }

    /// Returns a load of iterations with this sequential duration.
    pub(super) fn load(&mut self, cost: f64) -> Value {
        let most = ((BUDGET / cost.max(0.3)) as u64).max(1);
        let vus = self.draw.number(1, 6);
        let mut load = match self
            .draw
            .weighted(&[(35, 0), (25, 1), (12, 2), (18, 3), (10, 4)])
        {
            0 => json!({ "vus": vus, "iterations": self.draw.number(1, most.min(40)) }),
            1 => {
                json!({ "vus": vus, "iterations_per_vu": self.draw.number(1, (most / vus).clamp(1, 8)) })
            }
            2 => json!({ "vus": vus, "duration": format!("{}ms", self.draw.number(5, 40)) }),
            3 => {
                let rate = self.draw.pick(&[100, 500, 1000, 3000]);
                let mut load = json!({ "rate": format!("{rate}/s"), "max_in_flight": self.draw.number(1, 12) });
                if self.draw.chance(50) {
                    load["duration"] = json!(format!("{}ms", self.draw.number(5, 40)));
                } else {
                    load["iterations"] = json!(self.draw.number(1, most.min(60)));
                }
                if self.draw.chance(40) {
                    load["arrivals"] = json!("poisson");
                }
                if self.draw.chance(40) {
                    load["queue"] = json!(self.draw.number(0, 5));
                    load["on_full"] = json!("drop");
                }
                load
            }
            _ => {
                let open = self.draw.chance(50);
                let stages: Vec<Value> = (0..self.draw.number(1, 3))
                    .map(|number| self.stage(open, number > 0))
                    .collect();
                if open {
                    json!({ "stages": stages, "max_in_flight": self.draw.number(2, 12) })
                } else {
                    json!({ "stages": stages })
                }
            }
        };
        if load.get("iterations_per_vu").is_none() && self.draw.chance(12) {
            load["warmup"] = json!(format!("{}ms", self.draw.number(1, 15)));
        }
        let graceful = self
            .draw
            .weighted(&[(7, "10s"), (1, "0s"), (1, "5ms"), (1, "20ms")]);
        load["graceful_stop"] = json!(graceful);
        load
    }

    fn stage(&mut self, open: bool, later: bool) -> Value {
        let length = format!("{}ms", self.draw.number(2, 20));
        let mut stage = json!({ self.draw.pick(&["duration", "hold"]): length });
        // The first stage has a level above 0, because not all of them may be 0.
        let least = u64::from(!later);
        let level = if open {
            json!(format!(
                "{}/s",
                self.draw.pick(&[200 * least, 200, 1000, 2000])
            ))
        } else {
            json!(self.draw.number(least, 6))
        };
        stage[if open { "rate" } else { "vus" }] = level;
        if later && self.draw.chance(25) {
            stage["measure"] = json!(false);
        }
        stage
    }
}
