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
//! A test of the project (`tests/architecture/tidy.rs`) keeps this true.
//!
//! | floor | rooms |
//! |---|---|
//! | 8 | [`cli`]: one file per command: parse → load → compute → write |
//! | 7 | [`report`]: terminal, progress, charts, HTML page, and the forms that other programs read · several results laid over one another |
//! | 6 | [`gate`]: thresholds: what a run must meet, and what ends it early · the search for the highest rate that meets a check · versions: whether one is worse than another |
//! | 5 | [`engine`]: runs a plan; its own rooms have floors, too |
//! | 4 | [`assembly`]: what a run measured becomes its figures, which it judges whether to trust · [`export`]: what a run hands to other programs while it goes on · `record`: a reverse proxy that keeps what passes through it |
//! | 3 | [`scenario`]: YAML and diagnostics · [`transport`]: HTTP/1.1 (by hyper, or a lean client), HTTP/2, TLS, WebSocket, TCP · [`pacing`]: arrivals, levels of stages, token bucket · [`server`]: the built-in target, and the page while a run goes on · [`import`]: scenarios made of what people have · [`watch`]: what else goes on beside a run |
//! | 2 | [`result`]: what `result.json` holds · [`value`]: scopes, expressions, extraction, rows of feeds |
//! | 1 | [`plan`]: the compiled scenario · [`metrics`]: samples, recorders, histograms |
//! | 0 | [`base`]: quantities and the clock |
//!
//! # Invariants, as what is absent
//!
//! - No `unsafe`. No panic on anything that a scenario, a result file or a server contains.
//! - No clock but [`base::Clock`]; no time of day but the one that a command puts into its result.
//! - No list of samples: memory does not grow with the number of requests. Where samples go to a
//!   file, what waits for it is bounded ([`engine::world::sample_log`]).
//! - No worker that waits for whoever looks at the figures: a recorder is taken away and another
//!   put in its place ([`engine::observe::collector`]), and a worker whose recorder is just being
//!   taken keeps its samples for the next time.
//! - No figure that takes more memory in one mode than in another: there are as many recorders
//!   whatever the mode.
//! - No lock on the path of a request, but those of a limit or a cap of connections that the
//!   scenario asks for, of the queue from which slots of the open model pull arrivals, of a user's
//!   cookies once a server has set one, of the token that a target gets, of rows that stay in their
//!   file, and of the count of rows where only some mix entries take them. Samples go to a thread's
//!   own tape first.
//! - No work for values where a scenario has none: a request without them is made once, before the
//!   run.
//! - No event loop on the request path of the sequential and threaded modes: their threads sleep
//!   and read in the kernel (`strace -f` shows one `sendmsg` and one `recvfrom` a request, and one
//!   look more, which does not wait, at a connection that was quiet for 10 ms).
//! - No printing outside [`cli`] and [`report::progress`].
//! - No statistic in [`report`] that is not in the result.
//!
//! # Where the rest stands
//!
//! `docs/src` is the book for users. `docs/names.md` lists public names beside the contract's,
//! `docs/dependencies.md` says why each library is there, `docs/CHANGELOG.md` what happened, and
//! `docs/CONTRIBUTING.md` how to change something. How a kind of operation is added is told by
//! [`scenario::kinds`].

pub mod assembly;
pub mod base;
pub mod cli;
pub mod engine;
pub(crate) mod export;
pub mod gate;
pub mod import;
pub mod metrics;
pub mod pacing;
pub mod plan;
mod record;
pub mod report;
pub mod result;
pub mod scenario;
pub mod server;
pub mod transport;
pub mod value;
pub mod watch;
