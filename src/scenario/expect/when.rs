//! `expect.when`: a condition on a response, written as an expression.

use crate::plan::{RESPONSE_VALUES, ResponseCondition};
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::expression;
use crate::scenario::names::Names;
use crate::scenario::response_source::Origin;
use crate::scenario::tree::Node;
use crate::value::expression::uses;

/// Decodes the condition on a response that has these parts.
pub(super) fn decode(
    node: &Node,
    of: Origin,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> Option<ResponseCondition> {
    let condition = condition(node, names, problems)?;
    for name in RESPONSE_VALUES
        .into_iter()
        .filter(|name| condition.uses(name))
    {
        // A call of gRPC has a status, too, by its name.
        let is_own_status = name == "status" && of.has("grpc_status").is_ok();
        if let (Err(why), false) = (of.has(name), is_own_status) {
            problems
                .error(node.span, format!("`{name}` is not available here: {why}"))
                .help(format!("write the condition without `{name}`"));
        }
    }
    Some(condition)
}

/// Decodes the condition on a mock operation, which has a response time but no response.
pub(super) fn of_mock(
    node: &Node,
    action: &str,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> Option<ResponseCondition> {
    let condition = condition(node, names, problems)?;
    for name in RESPONSE_VALUES
        .into_iter()
        .filter(|name| condition.uses(name))
    {
        if name != "response_ms" {
            problems
                .error(
                    node.span,
                    format!("`{name}` belongs to a response, but `{action}` receives none"),
                )
                .help("a mock operation has only `response_ms`");
        }
    }
    Some(condition)
}

fn condition(
    node: &Node,
    names: &Names<'_>,
    problems: &mut Diagnostics,
) -> Option<ResponseCondition> {
    let text = expression::decode_with(node, "when", names, &RESPONSE_VALUES, problems)?;
    let used = uses(&text).unwrap_or_default().names;
    let uses = RESPONSE_VALUES.map(|name| used.iter().any(|used| used == name));
    if !uses.contains(&true) {
        problems
            .error(node.span, "this condition does not look at the response")
            .help("use `status`, `headers`, `body`, `json` or `response_ms`, as in `when: json.items|length > 0`; a condition for running a step is `when` beside its action");
    }
    Some(ResponseCondition { text, uses })
}
