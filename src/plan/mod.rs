//! Floor 1: the compiled scenario: immutable, resolved, with every default explicit.
//!
//! A [`Plan`] is plain data: it is written to `result.json`, printed by `--dry-run` and passed to
//! the process that runs a mode. It knows nothing of YAML, files, sockets, clocks or threads.

mod auth;
mod certificate;
pub(crate) mod check;
pub(crate) mod database;
pub(crate) mod delay;
pub(crate) mod expect;
mod fingerprint;
pub(crate) mod flow;
mod format;
pub(crate) mod grpc;
pub(crate) mod http;
mod inline_name;
pub mod kinds;
pub(crate) mod limits;
pub(crate) mod load;
mod loads;
pub(crate) mod measure;
pub(crate) mod metric;
mod mode;
mod network;
mod oauth2;
mod once;
pub(crate) mod operation;
mod probes;
pub(crate) mod profile;
mod quantity;
mod replay;
pub(crate) mod reporting;
mod request;
mod root;
pub(crate) mod secrets;
pub(crate) mod shard;
pub(crate) mod slice;
pub(crate) mod statistic;
pub(crate) mod stream;
pub(crate) mod target;
pub(crate) mod template;
pub(crate) mod threshold;
pub(crate) mod tracing;
pub(crate) mod unit;
pub(crate) mod values;
mod watch;
mod watch_name;

pub use auth::{AwsSigV4, Digest, RequestAuth};
pub use certificate::UserCertificate;
pub use check::{Check, CheckError, Operator};
pub use database::{DatabaseOptions, Login};
pub use delay::Delay;
pub use expect::{
    BodyRule, Expect, ExpectedFailure, ExpectedPart, ExpectedValue, JsonKind, JsonRule,
    RESPONSE_VALUES, Receive, ResponseCondition, StatusRule, StreamRule,
};
pub use flow::{
    Choose, Crawl, Parallel, Passes, Race, Repeat, Step, StepKind, TimedFlow, TransactionSteps,
    Websocket,
};
pub use format::Format;
pub use grpc::{GrpcOptions, GrpcSchema, MessageValue};
pub use http::{HttpClient, HttpOptions, KeepAlive, Protocol};
pub use kinds::Action;
pub use limits::{Limits, OnFull};
pub use load::{Load, LoadModel, Spread, Stage};
pub use loads::{NUMBERS_PER_LOAD, NumberedLoad, own_load_of};
pub use measure::{MAX_MEASURES, Measure, MeasureKind, MeasureName, MeasureUnit};
pub use metric::{MeasureStatistic, Metric};
pub use mode::Mode;
pub use network::{NetworkOptions, Proxy};
pub use oauth2::{ClientStyle, OAuth2};
pub use operation::{Backoff, Operation, Retry, Timeouts};
pub use quantity::Quantity;
pub use replay::{LOG_ROW, LogFormat, LogLines, LogSource, LogStamp, LogUnit, Replay};
pub use reporting::Reporting;
pub use request::{Body, BodyPart, Content, HttpRequest};
pub use root::{MixEntry, Plan};
pub use secrets::Secrets;
pub use shard::{Shard, Slice};
pub use slice::{Aborts, MAX_SHARDS, SliceError};
pub use statistic::Statistic;
pub use stream::{Stream, StreamFraming};
pub use target::{Address, Scheme, Target, TlsOptions, TlsVersion};
pub use template::{Encode, Piece, Template};
pub use threshold::{Guard, Selector, StopWhen, Threshold};
pub use tracing::{Propagation, Tracing};
pub use unit::Unit;
pub use values::{
    AtEnd, Capture, Feed, FeedFile, FeedRange, FeedSource, Name, Order, Source, Split, Tag,
};
pub use watch::{Scrape, Taken, Watch, WatchFrom, WatchSource};
pub use watch_name::{WatchName, WatchStatistic};
