//! [`Rows`]: makes a line of a file of each sample.

use jiff::Timestamp;

use super::form::{COLUMNS, Layout};
use super::wire::Origin;
use crate::base::{Nanos, status};
use crate::metrics::{Outcome, Sample};
use crate::plan::{Plan, Secrets, Shard};

/// The columns that are the same for all samples of a connection, and those of an operation.
const OF_RUN: usize = 3;
const OF_OPERATION: usize = 3;

/// Makes rows of the samples of a plan. What rows have in common is written once.
#[derive(Debug)]
pub(super) struct Rows {
    layout: Layout,
    /// What comes before the value of each column.
    keys: Vec<Vec<u8>>,
    /// By operation id: the columns of its names.
    operations: Vec<Vec<u8>>,
    /// By stage: the column of its name.
    stages: Vec<Vec<u8>>,
    no_stage: Vec<u8>,
}

/// The samples of one connection.
#[derive(Debug)]
pub(super) struct RunRows {
    /// The columns that all of them have in common.
    head: Vec<u8>,
    epoch: Nanos,
    epoch_unix_ns: Option<u64>,
    /// The last second of the day that was written, and its text.
    second: (i64, String),
}

impl Rows {
    /// Prepares the rows of a plan. Names are written without these secrets.
    pub(super) fn new(plan: &Plan, secrets: &Secrets, layout: Layout) -> Self {
        let key = |(place, name): (usize, &&str)| match (layout, place) {
            (Layout::Jsonl, 0) => format!("{{\"{name}\":"),
            (Layout::Jsonl, _) => format!(",\"{name}\":"),
            (Layout::Csv, 0) => String::new(),
            (Layout::Csv, _) => ",".to_owned(),
        };
        let keys = COLUMNS.iter().enumerate().map(key).map(String::into_bytes);
        let mut rows = Self {
            layout,
            keys: keys.collect(),
            operations: Vec::new(),
            stages: Vec::new(),
            no_stage: Vec::new(),
        };
        let names = |(mix, step, operation): (usize, &str, &crate::plan::Operation)| {
            let target = operation.action.target();
            let target = target.and_then(|target| plan.targets.get(target));
            let texts = [
                Some(secrets.redact(&plan.mix[mix].name)),
                Some(secrets.redact(step)),
                target.map(|target| secrets.redact(&target.name)),
            ];
            rows.texts(OF_RUN, &texts)
        };
        let operations = plan.operations().map(names).collect();
        let stage = OF_RUN + OF_OPERATION;
        let stages = plan.load.lasting();
        let stages = stages.map(|own| rows.texts(stage, &[Some(secrets.redact(&own.name))]));
        let (stages, no_stage) = (stages.collect(), rows.texts(stage, &[None]));
        rows.operations = operations;
        rows.stages = stages;
        rows.no_stage = no_stage;
        rows
    }

    /// Returns the line with the names of the columns, if files of this layout have one.
    pub(super) fn header(&self) -> String {
        match self.layout {
            Layout::Jsonl => String::new(),
            Layout::Csv => COLUMNS.join(",") + "\n",
        }
    }

    /// Prepares the rows of a connection.
    pub(super) fn of_run(&self, origin: &Origin) -> RunRows {
        let mut head = Vec::new();
        self.key(0, &mut head);
        self.text(origin.mode.name(), &mut head);
        self.key(1, &mut head);
        count(origin.round.into(), &mut head);
        self.key(2, &mut head);
        match origin.shard {
            Some(shard) => count(shard.into(), &mut head),
            None => self.missing(&mut head),
        }
        RunRows {
            head,
            epoch: origin.epoch,
            epoch_unix_ns: origin.epoch_unix_ns,
            second: (i64::MIN, String::new()),
        }
    }

    /// Appends the line of a sample, in this stage; returns `false` if it is of no operation of the
    /// plan.
    pub(super) fn append(
        &self,
        run: &mut RunRows,
        sample: &Sample,
        stage: Option<usize>,
        into: &mut Vec<u8>,
    ) -> bool {
        let Some(names) = self.operations.get(sample.operation as usize) else {
            return false;
        };
        into.extend_from_slice(&run.head);
        into.extend_from_slice(names);
        let stage = stage.and_then(|stage| self.stages.get(stage));
        into.extend_from_slice(stage.unwrap_or(&self.no_stage));
        let has_started = !matches!(sample.outcome, Outcome::Dropped | Outcome::Skipped);
        let (outcome, failure) = named(sample.outcome);
        let is_completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        let is_timed = sample.outcome.is_timed();
        let mut line = Line {
            rows: self,
            column: OF_RUN + OF_OPERATION + 1,
            into,
        };
        line.time_of_day(run, sample.intended);
        let since_epoch = |at: Nanos| at - run.epoch;
        line.seconds(Some(since_epoch(sample.intended)));
        line.seconds(has_started.then(|| since_epoch(sample.started)));
        line.seconds(is_completed.then(|| since_epoch(sample.completed)));
        line.text(Some(outcome));
        line.text(failure);
        let of_grpc = status::is_of_grpc(sample.status);
        line.count((sample.status > 0 && !of_grpc).then_some(sample.status.into()));
        match of_grpc {
            true => line.text(Some(&status::name(sample.status))),
            false => line.text(None),
        }
        line.count(Some(sample.retries.into()));
        for time in [
            sample.response(),
            sample.service(),
            sample.lag(),
            sample.queue,
        ] {
            line.millis(is_timed.then_some(time));
        }
        line.millis(sample.connect.filter(|_| is_completed));
        line.millis(sample.tls.filter(|_| is_completed));
        line.millis(sample.first_byte.filter(|_| is_timed));
        line.count(Some(sample.bytes_in));
        line.count(Some(sample.bytes_out));
        into.extend_from_slice(match self.layout {
            Layout::Jsonl => b"}\n",
            Layout::Csv => b"\n",
        });
        true
    }

    /// Returns these texts as the columns from `first` on.
    fn texts(&self, first: usize, texts: &[Option<String>]) -> Vec<u8> {
        let mut into = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            self.key(first + place, &mut into);
            match text {
                Some(text) => self.text(text, &mut into),
                None => self.missing(&mut into),
            }
        }
        into
    }

    fn key(&self, column: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.keys[column]);
    }

    fn missing(&self, into: &mut Vec<u8>) {
        if self.layout == Layout::Jsonl {
            into.extend_from_slice(b"null");
        }
    }

    fn text(&self, text: &str, into: &mut Vec<u8>) {
        match self.layout {
            Layout::Jsonl => {
                into.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
            }
            // An empty text is not a missing value.
            Layout::Csv if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                into.extend_from_slice(format!("\"{}\"", text.replace('"', "\"\"")).as_bytes());
            }
            Layout::Csv => into.extend_from_slice(text.as_bytes()),
        }
    }
}

/// Returns the shard that samples of this plan are of, as rows have it.
pub(crate) fn shard(plan: &Plan) -> Option<u32> {
    let shard = plan.load.shard();
    (shard != Shard::WHOLE).then_some(shard.index)
}

/// The columns of a row that differ from those of the row before.
struct Line<'a> {
    rows: &'a Rows,
    column: usize,
    into: &'a mut Vec<u8>,
}

impl Line<'_> {
    fn next(&mut self) {
        self.rows.key(self.column, self.into);
        self.column += 1;
    }

    fn text(&mut self, text: Option<&str>) {
        self.next();
        match (text, self.rows.layout) {
            (None, _) => self.rows.missing(self.into),
            (Some(text), Layout::Jsonl) => quoted(text, self.into),
            (Some(text), Layout::Csv) => self.into.extend_from_slice(text.as_bytes()),
        }
    }

    fn count(&mut self, value: Option<u64>) {
        self.next();
        match value {
            Some(value) => count(value, self.into),
            None => self.rows.missing(self.into),
        }
    }

    fn seconds(&mut self, time: Option<Nanos>) {
        self.fixed::<9>(time.map(|time| time.0));
    }

    fn millis(&mut self, time: Option<Nanos>) {
        self.fixed::<6>(time.map(|time| time.0));
    }

    /// Writes a number that is counted in units of its last digit, of which `DIGITS` are behind the
    /// point: always with a point, so that a reader who guesses a column's type takes no fraction
    /// for an integer.
    fn fixed<const DIGITS: usize>(&mut self, value: Option<u64>) {
        self.next();
        let Some(value) = value else {
            self.rows.missing(self.into);
            return;
        };
        let unit = 10_u64.pow(DIGITS as u32);
        count(value / unit, self.into);
        self.into.push(b'.');
        decimals::<DIGITS>(value % unit, self.into);
        while self.into.ends_with(b"0") && !self.into.ends_with(b".0") {
            self.into.pop();
        }
    }

    /// Writes the time of day of a moment, to the microsecond.
    fn time_of_day(&mut self, run: &mut RunRows, at: Nanos) {
        self.next();
        let Some(unix) = run.epoch_unix_ns.map(|epoch| epoch + (at - run.epoch).0) else {
            self.rows.missing(self.into);
            return;
        };
        let second = (unix / 1_000_000_000) as i64;
        if run.second.0 != second {
            let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            run.second = (second, time.strftime("%Y-%m-%dT%H:%M:%S.").to_string());
        }
        let is_json = self.rows.layout == Layout::Jsonl;
        self.into
            .extend_from_slice(if is_json { b"\"" } else { b"" });
        self.into.extend_from_slice(run.second.1.as_bytes());
        decimals::<6>(unix / 1_000 % 1_000_000, self.into);
        self.into
            .extend_from_slice(if is_json { b"Z\"" } else { b"Z" });
    }
}

/// Returns the names of an outcome, and of the kind of failure.
const fn named(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Ok => ("ok", None),
        Outcome::Failed(kind) => ("failed", Some(kind.name())),
        Outcome::Dropped => ("dropped", None),
        Outcome::Skipped => ("skipped", None),
        Outcome::Cancelled => ("cancelled", None),
        Outcome::Unfinished => ("unfinished", None),
    }
}

/// Writes a text that needs no escapes.
fn quoted(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    into.extend_from_slice(text.as_bytes());
    into.push(b'"');
}

fn count(value: u64, into: &mut Vec<u8>) {
    into.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes exactly these digits.
fn decimals<const DIGITS: usize>(mut value: u64, into: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
    into.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::metrics::FailureKind;
    use crate::plan::Mode;
    use crate::scenario::fixture;

    const PLAN: &str = r#"{name: t, vars: {}, secrets: {s: "hush"},
        mix: [{name: 'a, "b"', flow: [{sleep: 1ms, name: of hush}, {sleep: 2ms, name: c}]}],
        load: {stages: [{duration: 1s, rate: 5/s, name: first}, {duration: 1s, rate: 5/s, name: 'x,y'}]}}"#;

    fn origin() -> Origin {
        Origin {
            mode: Mode::Async,
            round: 2,
            shard: None,
            epoch: Nanos::from_secs(1),
            epoch_unix_ns: Some(1_795_812_312_000_001_999),
        }
    }

    fn samples() -> Vec<(Sample, Option<usize>)> {
        let planned = |operation, ms| Sample::planned(operation, Nanos::from_millis(ms));
        let done = Sample {
            queue: Nanos(5),
            started: Nanos(1_000_000_105),
            completed: Nanos(1_012_345_678),
            outcome: Outcome::Ok,
            retries: 1,
            status: 200,
            connect: Some(Nanos(1_500_000)),
            first_byte: Some(Nanos(9_999_999)),
            bytes_in: 12,
            bytes_out: 34,
            ..planned(0, 1_000)
        };
        let failed = |kind| Outcome::Failed(kind);
        vec![
            (done, Some(0)),
            (
                Sample {
                    status: 1005,
                    outcome: failed(FailureKind::Grpc),
                    ..done
                },
                Some(1),
            ),
            (
                Sample {
                    outcome: failed(FailureKind::Data),
                    ..done
                },
                None,
            ),
            (
                Sample {
                    outcome: Outcome::Unfinished,
                    ..done
                },
                None,
            ),
            (
                Sample {
                    outcome: Outcome::Dropped,
                    status: 0,
                    connect: None,
                    ..planned(1, 2_500)
                },
                None,
            ),
            (planned(7, 0), None),
        ]
    }

    fn lines(layout: Layout) -> String {
        let plan = fixture::plan(PLAN);
        let mut secrets = Secrets::default();
        secrets.add("hush");
        let rows = Rows::new(&plan, &secrets, layout);
        let mut run = rows.of_run(&origin());
        let mut text = rows.header().into_bytes();
        let known: Vec<bool> = samples()
            .iter()
            .map(|(sample, stage)| rows.append(&mut run, sample, *stage, &mut text))
            .collect();
        assert_eq!(known, [true, true, true, true, true, false]);
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_line_of_json_has_all_columns_in_their_order() {
        let text = lines(Layout::Jsonl);
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(rows.len(), 5);
        for row in &rows {
            let names: Vec<&str> = row
                .as_object()
                .expect("an object")
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(names, COLUMNS);
        }
        let first = json!({
            "mode": "async", "round": 2, "shard": null, "mix": "a, \"b\"", "step": "of ***",
            "target": null, "stage": "first", "intended_at": "2026-11-27T20:45:12.000001Z",
            "intended_s": 0.0, "started_s": 0.000_000_105, "completed_s": 0.012_345_678,
            "outcome": "ok", "failure": null, "status": 200, "grpc_status": null, "retries": 1,
            "response_ms": 12.345_678, "service_ms": 12.345_573, "lag_ms": 0.0001,
            "queue_ms": 0.000_005, "connect_ms": 1.5, "tls_ms": null, "first_byte_ms": 9.999_999,
            "bytes_in": 12, "bytes_out": 34,
        });
        assert_eq!(rows[0], first);
        let of = |row: usize, names: &[&str]| -> Vec<Value> {
            names.iter().map(|name| rows[row][name].clone()).collect()
        };
        let failed = of(
            1,
            &[
                "stage",
                "outcome",
                "failure",
                "status",
                "grpc_status",
                "response_ms",
            ],
        );
        assert_eq!(
            json!(failed),
            json!(["x,y", "failed", "grpc", null, "NOT_FOUND", 12.345_678])
        );
        // No histogram has the times of a request that could not be made.
        let unmade = of(
            2,
            &[
                "failure",
                "completed_s",
                "response_ms",
                "lag_ms",
                "connect_ms",
            ],
        );
        assert_eq!(
            json!(unmade),
            json!(["data", 0.012_345_678, null, null, 1.5])
        );
        let unfinished = of(3, &["outcome", "started_s", "completed_s", "service_ms"]);
        assert_eq!(
            json!(unfinished),
            json!(["unfinished", 0.000_000_105, null, null])
        );
        let dropped = of(
            4,
            &[
                "step",
                "outcome",
                "intended_s",
                "started_s",
                "queue_ms",
                "status",
            ],
        );
        assert_eq!(
            json!(dropped),
            json!(["c", "dropped", 1.5, null, null, null])
        );
    }

    #[test]
    fn the_fields_of_csv_are_the_values_of_json() {
        let text = lines(Layout::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a header"), &COLUMNS.to_vec());
        let of_json = lines(Layout::Jsonl);
        let objects = of_json
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let records: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("a row")).collect();
        assert_eq!(records.len(), 5);
        for (record, object) in records.iter().zip(objects) {
            for (field, name) in record.iter().zip(COLUMNS) {
                let expected = match &object[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                };
                let same = field == expected || field.parse::<f64>().ok() == expected.parse().ok();
                assert!(same, "{name}: {field} is not {expected}");
            }
        }
    }
}
