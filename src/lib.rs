//! loadgen: a load generator that compares sequential, threaded and async execution of the same
//! work.
//!
//! # In one sentence
//!
//! A **scenario** (YAML) is compiled to an immutable **plan**; a **driver** runs the plan's flows
//! at the moments that **pacing** says, through a **transport**; every operation becomes a
//! **sample** that a **recorder** folds into histograms; the merged **result** is a file, and every
//! **report** is a pure function of that file.
//!
//! ```text
//! YAML ──scenario──▶ Plan ──▶ engine worker ──Sample──▶ tape ──▶ Recorder
//!                                   │ events                        │ merged
//!                                   ▼                               ▼
//!                           report::progress                   RunResult ──▶ result.json ──▶ report ──▶ files
//! ```
//!
//! *When* (pacing), *where* (driver) and *what* (transport) are independent. One worker loop,
//! [`engine::flow::iteration::run`], joins them, generic over the driver's I/O; it is never written
//! a second time for a mode or a protocol.
//!
//! # Floors
//!
//! A module uses only the floors below its own, and neighbours on one floor do not know each other.
//! A test of the project (`tests/cli/tidy.rs`) keeps this true.
//!
//! | floor | rooms |
//! |---|---|
//! | 7 | [`cli`]: one file per command: parse → load → compute → write |
//! | 6 | [`report`]: terminal, progress, charts, HTML page, and the forms that other programs read · several results laid over one another |
//! | 5 | [`gate`]: thresholds: what a run must meet, and what ends it early · the search for the highest rate that meets a check · versions: whether one is worse than another |
//! | 4 | [`engine`]: world, worker, flow, operation, drivers, observer |
//! | 3 | [`scenario`]: YAML and diagnostics · [`transport`]: HTTP/1.1, HTTP/2, TLS, WebSocket, TCP · [`pacing`]: arrivals, levels of stages, token bucket · [`server`]: the built-in target, and the page while a run goes on |
//! | 2 | [`result`]: what `result.json` holds · [`value`]: scopes, expressions, extraction, rows of feeds |
//! | 1 | [`plan`]: the compiled scenario · [`metrics`]: samples, recorders, histograms |
//! | 0 | [`base`]: quantities and the clock |
//!
//! # Invariants, as what is absent
//!
//! - No `unsafe`. No panic on anything that a scenario, a result file or a server contains.
//! - No clock but [`base::Clock`]; no time of day but the one that a command puts into its result.
//! - No list of samples: memory does not grow with the number of requests.
//! - No worker that waits for whoever looks at the figures: a recorder is taken away and another
//!   put in its place ([`engine::observe::collector`]), and a worker whose recorder is just being
//!   taken keeps its samples for the next time.
//! - No figure that takes more memory in one mode than in another: there are as many recorders
//!   whatever the mode.
//! - No lock on the path of a request, but those of a limit or a cap of connections that the
//!   scenario asks for, of the desk where slots of the open model pull arrivals, of a user's
//!   cookies once a server has set one, and of the count of rows where only some mix entries take
//!   them. Samples go to a thread's own tape first.
//! - No work for values where a scenario has none: a request without them is made once, before the
//!   run.
//! - No event loop on the request path of the sequential and threaded modes: their threads sleep
//!   and read in the kernel (`strace -f` shows one `sendmsg` and one `recvfrom` a request, and one
//!   look more, which does not wait, at a connection that was quiet for 10 ms).
//! - No printing outside [`cli`] and [`report::progress`].
//! - No statistic in [`report`] that is not in the result.
//!
//! # Names that gates on versions add
//!
//! - `ab`: `--start-timeout`, and the load flags of `run`; it writes `a/NN.json`, `b/NN.json`,
//!   `comparison.json`, and `a.log` and `b.log` of servers that it starts.
//! - `compare`: `--seed` (of `--calibrate`); `compare`, `ab`: `--on-invalid`, `--json` (schema
//!   `loadgen.comparison/1`, [`result::VersionComparison`], which `result.json` holds under
//!   `baseline`), `-q`.
//! - `run`: `--fail-on-inconclusive`, `--allow-environment`;
//!   `baseline save NAME [RESULT] [--replace]`, `baseline list`, `--store DIR`.
//! - thresholds: `vs: baseline`, `max_regression`, `confidence`; comparisons: `changes[].line`,
//!   `confirming_pairs`.
//! - What `ab` would call a regression is run as often again, and is one only where the second half
//!   says so too ([`gate::versions::suspects`]): ten pairs can't be asked for the certainty that no
//!   noise ever fails a build.
//! - The Hodges–Lehmann interval up to 12 pairs is that of the exact signed-rank test, which is the
//!   sign-flip permutation on ranks: test, estimate and bounds then say the same ([`gate::shift`]).
//! - `error_rate` is compared too, in percentage points: a version that fails fast is no faster.
//!
//! - `ab`: `index.html`, the page of the pairs, and `a/invalid/NN-TRY.json`,
//!   `b/invalid/NN-TRY.json` of pairs that were made again; `compare -o DIR` writes
//!   `comparison.json` and the page. In comparisons: `invalid[]`, `left_out_pairs`, `steps[]`,
//!   `changes[].pairs`.
//!
//! # What differs from the first drawing of the house
//!
//! - The sequential and the threaded mode share one blocking driver ([`engine::driver::blocking`]);
//!   how many threads have one is decided in [`engine::run::launch`]. They differ in nothing else.
//! - Samples reach recorders in batches ([`engine::world::tape`]): with thousands of threads a
//!   recorder of its own for each would take gigabytes, and a batch is kinder to the processor's
//!   cache in async too.
//! - The JSON Schema of scenarios is written by hand ([`scenario::schema`]), because scenarios are
//!   decoded by hand, from a tree of nodes that know their places: there are no types to derive it
//!   from. A test holds the two together.
//! - TLS and HTTP/2 are the same code in every mode, over the mode's own byte stream
//!   ([`transport::wire`]): where that blocks, the whole blocks. Only in the async mode requests
//!   share a connection of HTTP/2 ([`engine::connection::streams`]).
//! - A search for capacity ([`gate::Search`]) asks more of a rate than the check alone: nothing
//!   lost, no growing response times ([`gate::probe`]); a rate is given up by two tries of three,
//!   and no invalid one counts.
//! - Windows of the time line keep two significant digits instead of three: there are hundreds of
//!   them.
//!
//! # Names beside the contract's
//!
//! - Forms of the report: `ctrf`, `openmetrics`, `github-benchmark`.
//! - Forms of the report in folders of their own: `html-dir` writes `html/index.html`,
//!   `html/style.css` and `html/script.js`.
//! - In `result.json`, `series[]`: `cpu_cores` and `rss_bytes` of the generator, and
//!   `status_codes`.
//! - Files of the report: `timeline.png`, `report.md`, `summary.csv`, `series.csv`,
//!   `histograms.hlog`, `junit.xml`, `ctrf-report.json`, `metrics.txt`, `benchmark-bigger.json`,
//!   `benchmark-smaller.json`.
//! - In `result.json`: `resent` of runs, steps, mix entries and targets, where there are any:
//!   requests that a server of HTTP/2 had not processed by its own word (GOAWAY, REFUSED_STREAM),
//!   and that were sent again.
//! - In `result.json`: `pushes` of runs, steps, mix entries and targets, where there are any:
//!   messages that came over a WebSocket and that no step waited for.
//! - In `result.json`: `stopped_by` of a run is `panic` where a thread of loadgen panicked; its
//!   figures are of what was measured until then, `end` is `failed`, and the program ends with 1.
//! - In `result.json`: `thresholds[].warnings`; `checks` (how many held) of steps, mix entries,
//!   targets, stages and values of tags; `iterations` of the parts that a threshold asks for them.
//! - `capacity`: `--on-invalid`; in `capacity.json` a search may be `limited_by` the `machine`.
//! - In `result.json`: `errors[]` are told apart by operation, and have `first_s`, `last_s` and
//!   `url`; `comparison.modes[].lag_ms`.
//! - `run`: `-c`, `-n`, `-z` and `-m`, as oha and hey call `--vus`, `--iterations`, `--duration`
//!   and `--method`; `-k`, `--insecure` of a URL.
//! - `run --plan`: the whole resolved plan; `--dry-run` is its first page.
//! - In `result.json`: a `baseline` without `changes` says under `warnings` why it could not be
//!   compared after all.
//! - In `result.json`: `send_ms`, `body_ms`, and their histograms and those of `connect` and `tls`;
//!   `scenario.file`, the path as it was given, and `thresholds[].line`, for reports that point at
//!   a line.
//!
//! # Dependencies, and why
//!
//! | for | crate |
//! |---|---|
//! | HTTP on the wire, both ends | hyper (connection level: its pooled client hides reuse and retries), hyper-util, http, http-body-util, bytes |
//! | HTTP/2 | h2 (hyper's own layer over it needs an executor, which the blocking modes don't have) |
//! | TLS | rustls with aws-lc, tokio-rustls (over the blocking sockets too: it needs no runtime), webpki-roots |
//! | WebSocket framing | tungstenite: its core reads and writes any stream and says where that would block, so that one code path ([`transport::websocket`]) serves the blocking drivers and the event loop; tokio-tungstenite over it for the built-in server |
//! | event loop | tokio, with what it needs only; futures-util for task sets |
//! | histograms | hdrhistogram; base64 for their text form |
//! | sockets and timers of the kernel | rustix (safe calls; its libc backend, so that it runs under valgrind), nix for `getrusage`, signal-hook |
//! | YAML | granit-parser for events with positions, annotate-snippets and strsim for diagnostics, serde_yaml (its maintained fork) for all other YAML |
//! | URLs | percent-encoding for scenarios, form_urlencoded for the mock server |
//! | expressions, JSONPath, patterns | minijinja (its expressions alone), serde_json_path (RFC 9535), regex (linear time, whatever the pattern) |
//! | texts in other charsets than UTF-8 | encoding_rs (what browsers decode with) |
//! | compressed responses | flate2, brotli-decompressor, ruzstd |
//! | randomness | rand, rand_pcg (a named generator: a seed must keep its meaning), rand_distr |
//! | results | serde, serde_json (keys in their order, floats exact; the text of numbers, which [`value::json`] keeps), sha2 for fingerprints, jiff for the time of day |
//! | intervals and verdicts | statrs for the distributions |
//! | charts | plotters for shapes, resvg for PNG, dejavu for a font that needs no system's |
//! | page and terminal | askama, comfy-table, indicatif |
//! | JUnit's XML, tables for spreadsheets | quick-xml (quick-junit would bring a second library for dates), csv (feeds are read by [`value::csv`], which repairs nothing; the crate can only be lenient) |
//! | files, errors, command line | tempfile, thiserror, anyhow, clap |
//! | completions and manual pages, made from the command line's own definition | clap_complete, clap_mangen |

pub mod base;
pub mod cli;
pub mod engine;
pub mod gate;
pub mod metrics;
pub mod pacing;
pub mod plan;
pub mod report;
pub mod result;
pub mod scenario;
pub mod server;
pub mod transport;
pub mod value;
