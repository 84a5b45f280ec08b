//! Requests of generated scenarios, and the targets that they go to.

use serde_json::{Map, Value, json};

use super::generate::{Build, Costed, GENEROUS};
use super::script::Manner;

impl Build {
    /// Returns a request to the peer.
    pub(super) fn request(&mut self) -> Costed<Value> {
        let manner = self.draw.weighted(&[
            (78, Manner::Steady),
            (8, Manner::Fickle),
            (4, Manner::Leaving),
            (4, Manner::Gone),
            (4, Manner::Deaf),
        ]);
        let name = self.name();
        let (path, mut cost, mut timeout) = self.path(manner, 0);
        if manner == Manner::Deaf {
            (timeout, cost) = self.short_timeout();
        }
        self.request_of(manner, &name, &format!("/{name}/{path}"), timeout, cost)
    }

    /// Returns a request for this path.
    pub(super) fn request_of(
        &mut self,
        manner: Manner,
        name: &str,
        path: &str,
        timeout: Value,
        cost: f64,
    ) -> Costed<Value> {
        self.used.insert(manner);
        let mut step =
            json!({ "name": name, "get": path, "target": manner.name(), "timeout": timeout });
        if self.draw.chance(20) {
            let map = step.as_object_mut().expect("a map");
            map.remove("get");
            map.insert("post".into(), json!(path));
            map.insert(
                "body".into(),
                json!("x".repeat(self.draw.pick(&[1, 300, 20_000]))),
            );
        }
        if path.contains("flaky") || self.draw.chance(50) {
            step["headers"] = json!({ "x-try": "{{uuid()}}", "x-seq": "{{seq()}}" });
        }
        if self.draw.chance(8) {
            step["expect"] = json!({ "status": self.draw.pick(&[200, 503]) });
        }
        if self.draw.chance(5) {
            step["tag"] = json!({ "kind": { "header": "x-kind" } });
        }
        (step, cost + 0.3)
    }

    /// Returns the rest of a path, its duration, and the timeout that it needs.
    fn path(&mut self, manner: Manner, hops: u32) -> (String, f64, Value) {
        let generous = json!(GENEROUS);
        let kinds = [
            (30, "ok"),
            (16, "delay"),
            (7, "status"),
            (6, "close"),
            (4, "cut"),
            (4, "reset"),
            (3, "half"),
            (4, "large"),
        ];
        let more = [
            (4, "hang"),
            (3, "stall"),
            (6, "flaky"),
            (3, "flakycut"),
            (5, "cookie"),
            (if hops < 3 { 9 } else { 0 }, "redirect"),
        ];
        let away = [(if hops < 1 { 3 } else { 0 }, "away")];
        let of_manner: &[(u32, &str)] = match manner {
            Manner::Fickle => &[(40, "drop"), (40, "idle")],
            Manner::Leaving => &[(60, "leave")],
            Manner::Steady | Manner::Gone | Manner::Deaf => &[],
        };
        let kinds: Vec<(u32, &str)> = [&kinds[..], &more, &away, of_manner].concat();
        match self.draw.weighted(&kinds) {
            "delay" => {
                let delay = self.draw.number(1, 8);
                let (rest, cost, timeout) = self.path(manner, hops);
                (
                    format!("delay-{delay}/{rest}"),
                    cost + delay as f64,
                    timeout,
                )
            }
            "status" => (
                format!("status-{}", self.draw.pick(&[201, 404, 503, 503])),
                0.0,
                generous,
            ),
            "large" => (
                format!("large-{}", self.draw.pick(&[0, 5_000, 100_000])),
                0.2,
                generous,
            ),
            "idle" => (format!("idle-{}", self.draw.number(1, 5)), 0.0, generous),
            kind @ ("flaky" | "flakycut") => (
                format!("{kind}-{}", self.draw.pick(&[20, 50])),
                0.0,
                generous,
            ),
            kind @ ("hang" | "stall") => {
                let (timeout, cost) = self.short_timeout();
                (kind.into(), cost, timeout)
            }
            "redirect" => {
                let (rest, cost, timeout) = self.path(manner, hops + 1);
                (format!("redirect/{rest}"), cost + 0.3, timeout)
            }
            "away" => {
                let to = self
                    .draw
                    .pick(&[Manner::Deaf, Manner::Gone, Manner::Steady]);
                self.led_to.insert(to);
                let (rest, cost, timeout) = self.path(to, hops + 1);
                if to == Manner::Deaf {
                    let (timeout, cost) = self.short_timeout();
                    return (format!("away-{}/{rest}", to.name()), cost, timeout);
                }
                (format!("away-{}/{rest}", to.name()), cost + 0.3, timeout)
            }
            kind => (kind.into(), 0.0, generous),
        }
    }

    /// Returns a timeout for a request that would not end without one.
    pub(super) fn short_timeout(&mut self) -> (Value, f64) {
        let short = self.draw.number(10, 30);
        let timeout = match self.draw.number(0, 3) {
            0 => {
                json!({ "first_byte": format!("{short}ms"), "total": format!("{}ms", short + 15) })
            }
            1 => json!({ "connect": format!("{short}ms"), "total": format!("{}ms", short + 15) }),
            _ => json!(format!("{short}ms")),
        };
        (timeout, short as f64 + 8.0)
    }

    /// Returns two requests: the second one sends a value captured from the first one.
    pub(super) fn token(&mut self) -> Costed<Vec<Value>> {
        self.used.insert(Manner::Steady);
        let (first, second) = (self.name(), self.name());
        let headers = json!({ "x-try": "{{uuid()}}", "x-seq": "{{seq()}}" });
        let mut echo = headers.clone();
        echo["x-echo"] = json!(format!("{{{{t{first}}}}}"));
        let capture = json!({ format!("t{first}"): { "header": "x-token" } });
        let steps = [
            json!({ "name": first, "get": format!("/{first}/token"), "target": "steady", "timeout": GENEROUS, "headers": headers, "capture": capture }),
            json!({ "name": second, "get": format!("/{second}/ok"), "target": "steady", "timeout": GENEROUS, "headers": echo }),
        ];
        (vec![json!({ "flow": steps })], 0.6)
    }

    /// Returns the targets in use.
    pub(super) fn targets(&mut self) -> Value {
        let mut targets = Map::new();
        for manner in self.used.clone() {
            let mut http = Map::new();
            http.insert("redirects".into(), json!(self.draw.pick(&[0, 2, 3, 3, 3])));
            if self.draw.chance(40) {
                http.insert(
                    "keep_alive".into(),
                    json!(self.draw.pick(&["per_iteration", "never", "shared"])),
                );
            }
            if self.draw.chance(15) {
                http.insert("max_connections".into(), json!(self.draw.number(1, 4)));
            }
            if self.draw.chance(20) {
                http.insert("cookies".into(), json!(false));
            }
            http.extend(self.of_targets.clone());
            if self.draw.chance(5) && http.get("keep_alive") != Some(&json!("never")) {
                http.insert("max_lifetime".into(), json!("5ms"));
            }
            let mut target = json!({ "url": manner.origin(), "http": http });
            if self.draw.chance(12) && self.of_targets.is_empty() {
                target["limits"] = self.limits();
            }
            targets.insert(manner.name().into(), target);
        }
        Value::Object(targets)
    }
}
