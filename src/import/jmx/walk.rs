//! The tree of a thread group as steps: controllers and samplers, in their order.

use super::controller::{Block, MAX_TIMED, block};
use super::data;
use super::element::Element;
use super::reader::Reader;
use super::scope::{Role, Scope, reason, role};
use super::{assertion, extractor, sampler, timer};
use crate::import::read::{Action, Step, Steps};
use crate::import::yaml::Yaml;

/// How many controllers may be in each other.
const MAX_DEPTH: usize = 30;

/// Reads a tree, whose parts are in a scope.
pub(super) fn tree<'p>(
    reader: &mut Reader<'p>,
    tree: Option<&'p Element>,
    outer: &Scope<'_>,
    steps: &mut Steps,
) {
    let parts = tree.map(Element::parts).unwrap_or_default();
    let scope = Scope {
        outer: Some(outer),
        own: enter(reader, &parts, steps),
    };
    for (element, inside) in parts {
        if reader.is_full() {
            return;
        }
        if role(element) == Role::Step && !reader.leave_out(element) {
            part(reader, element, inside, &scope, steps);
        }
    }
}

/// Reads what holds for all parts of a tree, and returns it.
pub(super) fn enter<'p>(
    reader: &mut Reader<'_>,
    parts: &[(&'p Element, Option<&'p Element>)],
    steps: &mut Steps,
) -> Vec<&'p Element> {
    let mut own = Vec::new();
    for (element, _) in parts {
        let role = role(element);
        if role == Role::Step || reader.leave_out(element) {
            continue;
        }
        match role {
            Role::Values => data::enter(reader, element, steps),
            Role::Other => {
                let tag = element.tag.escape_debug();
                let message = format!("`{tag}` is not carried over: {}", reason(&element.tag));
                reader.note(element, message);
            }
            _ => own.push(*element),
        }
    }
    own
}

/// Reads a sampler or a controller.
fn part<'p>(
    reader: &mut Reader<'p>,
    element: &'p Element,
    inside: Option<&'p Element>,
    scope: &Scope<'_>,
    steps: &mut Steps,
) {
    match element.tag.as_str() {
        "HTTPSamplerProxy" | "HTTPSampler" | "HTTPSampler2" => {
            request(reader, element, inside, scope, steps);
        }
        "TestAction" => action(reader, element, inside, scope, steps),
        "TestFragmentController" => {}
        "ModuleController" => module(reader, element, scope, steps),
        "IncludeController" => {
            let note = "another plan is included here: import it, too, and copy its steps";
            reader.note(element, note);
        }
        _ if reader.depth >= MAX_DEPTH => {
            reader.note(element, "controllers nested this deep are left out");
        }
        _ => {
            reader.depth += 1;
            controller(reader, element, inside, scope, steps);
            reader.depth -= 1;
        }
    }
}

fn request<'p>(
    reader: &mut Reader<'p>,
    element: &'p Element,
    inside: Option<&'p Element>,
    outer: &Scope<'_>,
    steps: &mut Steps,
) {
    let scope = inner(reader, inside, outer, steps);
    // Whatever is in scope has its part in what a scenario can hold.
    reader.variables.bytes += 40 * scope.all(|_| true).len();
    match sampler::exchange(reader, element, &scope) {
        Ok(mut exchange) => {
            if let Some(expect) = assertion::expect(reader, &scope) {
                exchange.step.push(("expect".into(), expect));
            }
            // What is noted of the request stands above it, and not above the pauses.
            let notes = reader.pending.take();
            pauses(reader, &scope, steps);
            reader.pending.put(notes);
            let captures = extractor::captures(reader, &scope);
            exchange
                .step
                .extend(captures.map(|captures| ("capture".to_owned(), captures)));
            if reader.continues {
                let on_error = ("on_error".to_owned(), Yaml::text("continue"));
                exchange.step.push(on_error);
            }
            reader
                .pending
                .push(steps, Action::Request(Box::new(exchange)));
        }
        Err(why) => {
            let title = element.title().escape_debug();
            reader.note(element, format!("the request `{title}` is left out: {why}"));
        }
    }
}

/// Returns the scope of a sampler, with what is in it.
fn inner<'s>(
    reader: &mut Reader<'_>,
    inside: Option<&'s Element>,
    outer: &'s Scope<'s>,
    steps: &mut Steps,
) -> Scope<'s> {
    let parts = inside.map(Element::parts).unwrap_or_default();
    Scope {
        outer: Some(outer),
        own: enter(reader, &parts, steps),
    }
}

/// Adds the pauses of all timers in scope, each of which waits.
fn pauses(reader: &mut Reader<'_>, scope: &Scope<'_>, steps: &mut Steps) {
    for element in scope.all(|element| role(element) == Role::Timer) {
        if let Some(think) = timer::think(reader, element) {
            reader
                .pending
                .push(steps, Action::Other(vec![("think".into(), think)]));
        }
    }
}

/// Reads the Flow Control Action.
fn action<'p>(
    reader: &mut Reader<'p>,
    element: &'p Element,
    inside: Option<&'p Element>,
    outer: &Scope<'_>,
    steps: &mut Steps,
) {
    let scope = inner(reader, inside, outer, steps);
    pauses(reader, &scope, steps);
    if element.property("ActionProcessor.action").trim() == "1" {
        if let Some(think) = timer::pause(reader, element, "ActionProcessor.duration") {
            reader
                .pending
                .push(steps, Action::Other(vec![("think".into(), think)]));
        }
    } else {
        let note = "an action that ends threads or loops is not carried over: see `abort_iteration` and `stop_run`";
        reader.note(element, note);
    }
}

/// Reads the controller that another one refers to.
fn module<'p>(reader: &mut Reader<'p>, element: &'p Element, scope: &Scope<'_>, steps: &mut Steps) {
    let path: Vec<&str> = element
        .items("ModuleController.node_path")
        .iter()
        .map(|item| item.text.trim())
        .collect();
    // It is searched for in the whole plan, which may have many of them.
    reader.variables.bytes += 100;
    match find(reader.plan, &path) {
        Some((found, inside)) if reader.depth < MAX_DEPTH => {
            reader.depth += 1;
            // What a fragment or a group has is read as the steps of a simple controller.
            controller(reader, found, inside, scope, steps);
            reader.depth -= 1;
        }
        Some(_) => reader.note(element, "a module that refers to itself is left out here"),
        None => reader.note(element, "the module is not in the plan: left out"),
    }
}

/// Finds a part of a plan by the titles on the way to it, of which the first are those of the plan
/// itself.
fn find<'p>(plan: &'p Element, path: &[&str]) -> Option<(&'p Element, Option<&'p Element>)> {
    (0..path.len().min(3)).find_map(|skipped| {
        let mut tree = Some(plan);
        let mut found = None;
        for title in &path[skipped..] {
            let mut parts = tree?.parts().into_iter();
            let (element, inside) = parts.find(|(element, _)| element.title() == *title)?;
            found = Some((element, inside));
            tree = inside;
        }
        found
    })
}

fn controller<'p>(
    reader: &mut Reader<'p>,
    element: &'p Element,
    inside: Option<&'p Element>,
    scope: &Scope<'_>,
    steps: &mut Steps,
) {
    let is_timed = element.tag == "TransactionController" && reader.timed < MAX_TIMED;
    let Some(block) = block(reader, element, is_timed) else {
        return;
    };
    let before = reader.pending.take();
    reader.timed += usize::from(is_timed);
    let mut inner = Steps::default();
    if matches!(block.list, "choose" | "parallel") {
        branches(reader, inside, scope, &mut inner, steps);
    } else {
        tree(reader, inside, scope, &mut inner);
    }
    reader.timed -= usize::from(is_timed);
    if let Some(item) = &block.item {
        reader.variables.values.forget(item);
    }
    let Block {
        keys, inside, list, ..
    } = block;
    let group = |steps| Action::Group {
        keys,
        inside,
        list,
        steps,
    };
    reader.pending.push_group(steps, before, inner, group);
}

/// Reads each part of a tree as a branch. What they have in common is done before them.
fn branches<'p>(
    reader: &mut Reader<'p>,
    inside: Option<&'p Element>,
    outer: &Scope<'_>,
    steps: &mut Steps,
    before: &mut Steps,
) {
    let parts = inside.map(Element::parts).unwrap_or_default();
    let scope = Scope {
        outer: Some(outer),
        own: enter(reader, &parts, before),
    };
    for (element, inside) in parts {
        if reader.is_full() {
            return;
        }
        if role(element) != Role::Step || reader.leave_out(element) {
            continue;
        }
        let mut branch = Steps::default();
        part(reader, element, inside, &scope, &mut branch);
        let (branch, _) = branch.finish();
        if !branch.is_empty() {
            reader.pending.push(steps, flow(branch));
        }
    }
}

fn flow(steps: Vec<Step>) -> Action {
    Action::Group {
        keys: Vec::new(),
        inside: None,
        list: "flow",
        steps,
    }
}
