//! `trace`: how requests become part of distributed traces.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::plan_places::PlanPlaces;
use super::section::Section;
use super::tree::Node;
use crate::plan::{MixEntry, Operation, Plan, Propagation, Step, Tracing, flow};

const TRACE: Section = Section::new(&[
    ("propagation", "propagate"),
    ("propagator", "propagate"),
    ("format", "propagate"),
    ("sampling", "sample"),
    ("sampled", "sample"),
    ("rate", "sample"),
    ("ratio", "sample"),
    ("state", "tracestate"),
    ("url", "link"),
]);
const EXAMPLE: &str = "trace: { propagate: w3c, sample: 1% }";
/// The longest `tracestate`, in characters: what services must pass on.
const MAX_STATE: usize = 512;
/// The longest link, in characters.
const MAX_LINK: usize = 300;

/// Decodes how requests become part of traces.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Tracing> {
    let mut fields = Fields::open(node, &TRACE, "`trace`", EXAMPLE, problems)?;
    let propagate = fields.need("propagate", "propagate: w3c", problems);
    let propagate = propagate.and_then(|node| propagation(node, problems));
    let sample = fields.take("sample", problems);
    let sample = sample.and_then(|node| decode::share(node, "sample", problems));
    let tracestate = fields.take("tracestate", problems);
    let tracestate = tracestate.and_then(|node| tracestate_of(node, problems));
    let link = fields.take("link", problems);
    let link = link.and_then(|node| link_of(node, problems));
    fields.finish(problems);
    Some(Tracing {
        propagate: propagate?,
        sample: sample.unwrap_or(Tracing::SAMPLE),
        tracestate,
        link,
    })
}

fn propagation(node: &Node, problems: &mut Diagnostics) -> Option<Propagation> {
    let text = decode::text(node, "propagate", problems)?;
    if text == "w3c" {
        return Some(Propagation::W3c);
    }
    let error = problems.error(
        node.span,
        format!(
            "{} is not a form of traces that loadgen sends",
            quoted(text)
        ),
    );
    error.help("write `propagate: w3c`, for the header `traceparent`; a step can have any others under `headers`");
    None
}

/// Decodes `tracestate`: `vendor=value`, several of them separated by commas.
fn tracestate_of(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::line(node, "tracestate", problems)?;
    let is_member = |member: &str| {
        let name = member.trim().split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && !name.contains(' '))
    };
    let is_text = text.chars().all(|c| (' '..='~').contains(&c));
    if is_text && text.len() <= MAX_STATE && text.split(',').all(is_member) {
        return Some(text.trim().to_owned());
    }
    problems
        .error(node.span, format!("{} is not a `tracestate`", quoted(&text)))
        .help(format!(
            "write `tracestate: \"vendor=value\"`, several separated by commas, in at most {MAX_STATE} ASCII characters"
        ));
    None
}

fn link_of(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::line(node, "link", problems)?;
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    let is_short = text.chars().count() <= MAX_LINK;
    if is_web && is_short && text.contains(Tracing::ID) && !text.contains(char::is_whitespace) {
        return Some(text);
    }
    problems
        .error(node.span, format!("{} is not a link to traces", quoted(&text)))
        .help(format!(
            "write an http:// or https:// URL with `{}` in it, as in `http://127.0.0.1:16686/trace/{}`",
            Tracing::ID,
            Tracing::ID
        ));
    None
}

/// Reports headers of steps and targets that `trace` sends itself, and a `trace` without a request.
pub(super) fn check(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    let Some(tracing) = &plan.trace else { return };
    let at = places
        .root
        .get("trace")
        .map_or(Span::default(), |node| node.span);
    let flows = plan.mix.iter().flat_map(MixEntry::flows);
    let flows = flows.map(|steps| (steps, places.operations)).chain([
        (&plan.setup, places.lifecycle[0]),
        (&plan.teardown, places.lifecycle[1]),
    ]);
    let mut requests = 0;
    for (steps, spans) in flows {
        let steps: &Vec<Step> = steps;
        flow::each(steps, &mut |step| {
            let request = step.operation().and_then(request_of);
            let Some((operation, headers)) = request else {
                return;
            };
            requests += 1;
            let span = spans.get(operation.id as usize).copied().unwrap_or(at);
            report(tracing, headers, span, problems);
        });
    }
    for target in plan.targets_of_operations() {
        let Some(target) = plan.targets.get(target) else {
            continue;
        };
        let declared = places
            .root
            .get("targets")
            .and_then(|all| all.get(&target.name));
        let headers = declared.and_then(|own| own.get("headers"));
        let span = headers.map_or(at, |node| node.span);
        report(tracing, &target.headers, span, problems);
    }
    if requests == 0 {
        problems
            .warning(
                at,
                "no step sends a request that could carry the identity of a trace",
            )
            .help("remove `trace`");
    }
}

/// Returns an operation that sends a request, with its headers.
fn request_of(operation: &Operation) -> Option<(&Operation, &[(String, crate::plan::Template)])> {
    let request = operation.action.profile().request?;
    Some((operation, &request.headers))
}

fn report<T>(tracing: &Tracing, headers: &[(String, T)], span: Span, problems: &mut Diagnostics) {
    for name in tracing.headers() {
        if headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
        {
            problems
                .error(
                    span,
                    format!("this has the header `{name}`, which `trace` sends"),
                )
                .help("remove the header, or `trace`: a request belongs to one trace");
        }
    }
}
