//! The messages of OTLP that carry what a run has measured.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::delta::Delta;
use super::exponential::Exponential;
use crate::base::Nanos;
use crate::result;

/// What all messages of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// The name of the scenario.
    pub scenario: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The shard, if several processes share the run.
    pub shard: Option<u32>,
}

const DELTA: i32 = AggregationTemporality::Delta as i32;

/// Returns the message of one interval.
pub(super) fn request(common: &Common, delta: &Delta) -> ExportMetricsServiceRequest {
    let version = env!("CARGO_PKG_VERSION");
    let mut resource = vec![
        text("service.name", "loadgen"),
        text("service.version", version),
    ];
    resource.extend(common.tags.iter().map(|(name, value)| text(name, value)));
    let scope = InstrumentationScope {
        name: "loadgen".into(),
        version: version.into(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics(common, delta),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn metrics(common: &Common, delta: &Delta) -> Vec<Metric> {
    let own = attributes(common, delta);
    let sum = |name, by: &str, counts: Vec<(&str, u64)>| {
        let points = counts.into_iter().map(|(value, count)| {
            let value_of =
                number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX));
            point(delta, with(&own, by, value), value_of)
        });
        let data_points: Vec<NumberDataPoint> = points.collect();
        (!data_points.is_empty()).then(|| {
            let sum = Sum {
                data_points,
                aggregation_temporality: DELTA,
                is_monotonic: true,
            };
            metric(name, "{operation}", Data::Sum(sum))
        })
    };
    let gauge = |name, unit, value: Option<f64>| {
        let value = number_data_point::Value::AsDouble(value?);
        let gauge = Gauge {
            data_points: vec![point(delta, own.clone(), value)],
        };
        Some(metric(name, unit, Data::Gauge(gauge)))
    };
    let failures = delta.failures.iter();
    let failures = failures.map(|(kind, n)| (kind.as_str(), *n)).collect();
    [
        response(delta, &own),
        sum("loadgen.operations", "outcome", delta.outcomes.clone()),
        sum("loadgen.failures", "kind", failures),
        gauge("loadgen.in_flight", "{operation}", delta.in_flight),
        gauge("loadgen.vus", "{user}", delta.vus),
        gauge("loadgen.lag", "s", delta.lag_s),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn response(delta: &Delta, attributes: &[KeyValue]) -> Option<Metric> {
    let (histogram, sum_s) = delta.response.as_ref()?;
    let buckets = Exponential::from_nanos(histogram);
    let point = ExponentialHistogramDataPoint {
        attributes: attributes.to_vec(),
        start_time_unix_nano: delta.interval.0,
        time_unix_nano: delta.interval.1,
        count: histogram.len(),
        sum: Some(*sum_s),
        scale: buckets.scale,
        zero_count: buckets.zeros,
        positive: Some(Buckets {
            offset: buckets.offset,
            bucket_counts: buckets.counts,
        }),
        exemplars: delta
            .exemplars
            .iter()
            .map(|own| exemplar(delta, own))
            .collect(),
        ..ExponentialHistogramDataPoint::default()
    };
    let data = ExponentialHistogram {
        data_points: vec![point],
        aggregation_temporality: DELTA,
    };
    Some(metric(
        "loadgen.response",
        "s",
        Data::ExponentialHistogram(data),
    ))
}

/// Returns an operation with its trace, at the moment when it ended. Its span is known to the peer
/// only.
fn exemplar(delta: &Delta, own: &result::Exemplar) -> Exemplar {
    let response_s = own.response_ms / 1e3;
    let ended = Nanos::from_secs_f64(own.ended_s());
    let trace_id = own.trace_id.as_deref().unwrap_or_default();
    let trace_id = u128::from_str_radix(trace_id, 16).unwrap_or_default();
    Exemplar {
        filtered_attributes: vec![text("mix", &own.mix), text("step", &own.step)],
        time_unix_nano: delta.epoch.saturating_add(ended.0),
        value: Some(exemplar::Value::AsDouble(response_s)),
        trace_id: trace_id.to_be_bytes().to_vec(),
        ..Exemplar::default()
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn point(
    delta: &Delta,
    attributes: Vec<KeyValue>,
    value: number_data_point::Value,
) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: delta.interval.0,
        time_unix_nano: delta.interval.1,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// Returns the attributes of all points of a run.
fn attributes(common: &Common, delta: &Delta) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("scenario", &common.scenario),
        text("mode", delta.mode.name()),
        number("round", delta.round),
    ];
    attributes.extend(common.shard.map(|shard| number("shard", shard)));
    attributes
}

fn with(attributes: &[KeyValue], name: &str, value: &str) -> Vec<KeyValue> {
    let mut all = attributes.to_vec();
    all.push(text(name, value));
    all
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn number(key: &str, value: u32) -> KeyValue {
    attribute(key, Value::IntValue(value.into()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
