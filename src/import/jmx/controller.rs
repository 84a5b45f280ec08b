//! Controllers as keys around their steps.

use super::condition;
use super::element::Element;
use super::reader::Reader;
use crate::import::names::shown;
use crate::import::pieces::{plain, template};
use crate::import::yaml::Yaml;

/// How many transactions may be in each other.
pub(super) const MAX_TIMED: usize = 4;
/// The most passes of a loop.
const MAX_TIMES: u32 = 1_000_000;

/// How the steps of a controller are written.
pub(super) struct Block {
    /// What it says besides its steps.
    pub keys: Vec<(String, Yaml)>,
    /// The key that holds its steps, with what else is in it.
    pub inside: Option<(&'static str, Vec<(String, Yaml)>)>,
    /// The key of its steps.
    pub list: &'static str,
    /// The variable that only its steps have.
    pub item: Option<String>,
}

/// Returns how a controller is written; nothing if it is left out.
pub(super) fn block(reader: &mut Reader<'_>, element: &Element, is_timed: bool) -> Option<Block> {
    let mut block = Block {
        keys: Vec::new(),
        inside: None,
        list: "flow",
        item: None,
    };
    let name = shown(element.title());
    if !name.is_empty() {
        block.keys.push(("name".to_owned(), Yaml::text(name)));
    }
    match element.tag.as_str() {
        "GenericController" | "RecordingController" | "TestFragmentController" | "ThreadGroup" => {}
        "TransactionController" => transaction(reader, element, is_timed, &mut block.keys),
        "OnceOnlyController" => block.keys.push(("once".into(), Yaml::plain(true))),
        "LoopController" => block.inside = Some(("repeat", times(reader, element))),
        "IfController" => when(reader, element, &mut block.keys),
        "WhileController" => {
            block.inside = Some(("repeat", until(reader, element, &mut block.keys)));
        }
        "ForeachController" => {
            block.inside = Some(("repeat", over(reader, element)?));
            let item = element.property("ForeachController.returnVal").trim();
            block.item = Some(item.to_owned());
        }
        "RandomController" | "InterleaveControl" | "SwitchController" => block.list = "choose",
        "ThroughputController" => share(reader, element, &mut block.keys),
        "com.blazemeter.jmeter.controller.ParallelSampler" => block.list = "parallel",
        "RandomOrderController" | "RunTime" | "CriticalSectionController" => {}
        tag => {
            other(reader, element);
            if !tag.ends_with("Controller") {
                return None;
            }
        }
    }
    if let Some(note) = difference(&element.tag) {
        reader.note(element, note);
    }
    // Without a value of a condition or a list, the flow would end.
    let has_key = |keys: &[(String, Yaml)], name: &str| keys.iter().any(|(key, _)| key == name);
    let is_over = block.inside.iter().any(|(_, keys)| has_key(keys, "over"));
    if reader.continues && (is_over || has_key(&block.keys, "when")) {
        let on_error = ("on_error".to_owned(), Yaml::text("continue"));
        block.keys.push(on_error);
    }
    Some(block)
}

/// Returns what a controller does otherwise here.
fn difference(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "InterleaveControl" => "its parts take turns in JMeter, and are drawn here",
        "SwitchController" => "its parts are drawn here: see `when` for a choice by a value",
        "RandomOrderController" => "its parts run in their order here",
        "RunTime" => "the time of its steps is not limited here",
        "CriticalSectionController" => {
            "its steps are not locked here: see `limits: { concurrency: 1 }` of a step"
        }
        _ => return None,
    })
}

fn transaction(
    reader: &mut Reader<'_>,
    element: &Element,
    is_timed: bool,
    keys: &mut Vec<(String, Yaml)>,
) {
    if is_timed {
        keys.push(("timed".into(), Yaml::plain(true)));
    } else {
        let note = "transactions are timed at most 4 deep: this one is not";
        reader.note(element, note);
    }
    if element.is("TransactionController.includeTimers") {
        let note = "the time of a transaction is without its pauses here";
        reader.note(element, note);
    }
}

/// Notes that a sampler or a controller is not carried over.
fn other(reader: &mut Reader<'_>, element: &Element) {
    let tag = element.tag.as_str();
    let title = element.title().escape_debug();
    let shown = format!("`{}` ({title})", tag.escape_debug());
    let scripts = ["JSR223Sampler", "BeanShellSampler", "BSFSampler"];
    let why = if scripts.contains(&tag) {
        "scripts are not run"
    } else if tag.ends_with("Controller") {
        "its steps always run here"
    } else {
        "left out"
    };
    reader.note(element, format!("{shown} is not carried over: {why}"));
}

fn times(reader: &mut Reader<'_>, element: &Element) -> Vec<(String, Yaml)> {
    let text = element.property("LoopController.loops").trim();
    let is_endless = element.is("LoopController.continue_forever") || text == "-1";
    let pieces = reader.variables.pieces(text);
    let default = reader.variables.values.default_text(&pieces);
    let number = default.and_then(|text| text.trim().parse::<u32>().ok());
    let times = match number.filter(|number| (1..=MAX_TIMES).contains(number)) {
        Some(number) if plain(&pieces).is_some() => Yaml::plain(number),
        Some(_) => Yaml::text(template(&pieces)),
        None => {
            let note = if is_endless {
                "a loop without an end has a million passes here"
            } else {
                "a loop whose number of passes is not known before the run has one pass here"
            };
            reader.note(element, note);
            Yaml::plain(if is_endless { MAX_TIMES } else { 1 })
        }
    };
    reader.note_texts(element);
    vec![("times".into(), times)]
}

fn when(reader: &mut Reader<'_>, element: &Element, keys: &mut Vec<(String, Yaml)>) {
    let text = element.property("IfController.condition");
    match condition::expression(text, &mut reader.variables) {
        Some(condition) => keys.push(("when".into(), Yaml::text(condition))),
        None => reader.note(
            element,
            "its condition is not carried over: the steps always run here; write it as `when`",
        ),
    }
}

fn until(
    reader: &mut Reader<'_>,
    element: &Element,
    keys: &mut Vec<(String, Yaml)>,
) -> Vec<(String, Yaml)> {
    let text = element.property("WhileController.condition");
    match condition::expression(text, &mut reader.variables) {
        Some(condition) => {
            keys.push(("when".into(), Yaml::text(condition.clone())));
            vec![("until".into(), Yaml::text(format!("not ({condition})")))]
        }
        None => {
            let note =
                "its condition is not carried over: the steps run once here; write it as `until`";
            reader.note(element, note);
            vec![("times".into(), Yaml::plain(1))]
        }
    }
}

fn over(reader: &mut Reader<'_>, element: &Element) -> Option<Vec<(String, Yaml)>> {
    let input = element.property("ForeachController.inputVal").trim();
    let name = element.property("ForeachController.returnVal").trim();
    let Some(list) = reader.lists.get(input).filter(|_| !name.is_empty()) else {
        let note =
            "it runs for variables that are not carried over: left out; see `repeat: { over: … }`";
        reader.note(element, note);
        return None;
    };
    let list = Yaml::text(list.clone());
    let name = reader.variables.values.capture(name);
    Some(vec![("over".into(), list), ("as".into(), Yaml::text(name))])
}

fn share(reader: &mut Reader<'_>, element: &Element, keys: &mut Vec<(String, Yaml)>) {
    let style = element.property("ThroughputController.style").trim();
    let percent = element
        .property("ThroughputController.percentThroughput")
        .trim();
    let percent = reader.variables.plain(percent);
    let percent = percent.and_then(|text| text.trim().parse::<f64>().ok());
    match percent.filter(|percent| style != "0" && (0.0..=100.0).contains(percent)) {
        Some(percent) => keys.push(("chance".into(), Yaml::plain(format!("{percent}%")))),
        None => reader.note(
            element,
            "a number of executions is not carried over: the steps always run here; see `chance`",
        ),
    }
}
