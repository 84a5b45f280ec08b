//! [`Transcript`]: the passes so far, printed as they go on.

use crate::cli::exit::Failure;
use crate::cli::output;
use crate::plan::{Plan, Secrets, Step};
use crate::report::exchanges;
use crate::result::{Exchange, Pass, Section};

/// The passes so far. Each exchange is printed as it ends.
pub(super) struct Transcript<'a> {
    plan: &'a Plan,
    secrets: &'a Secrets,
    /// The step that is shown, if not all are.
    step: Option<&'a str>,
    /// Whether to print text, and if so, whether in colour.
    text: Option<bool>,
    passes: Vec<Pass>,
    /// The section that the last pass runs, with the name of its mix entry.
    current: (Section, String),
    /// The operations of the last pass, by id.
    operations: Vec<Planned<'a>>,
    /// Why the text could not be written.
    unwritten: Option<Failure>,
}

/// An operation of a pass.
struct Planned<'a> {
    name: &'a str,
    /// Whether it is the step that is shown, or inside it.
    is_shown: bool,
    /// Whether it was reached.
    was_run: bool,
}

impl<'a> Transcript<'a> {
    /// Creates the transcript of a plan; only `step` is shown, if given. It is printed as `text`,
    /// with or without colour, or not at all.
    pub(super) fn new(
        plan: &'a Plan,
        secrets: &'a Secrets,
        step: Option<&'a str>,
        text: Option<bool>,
    ) -> Self {
        Self {
            plan,
            secrets,
            step,
            text,
            passes: Vec::new(),
            current: (Section::Mix, String::new()),
            operations: Vec::new(),
            unwritten: None,
        }
    }

    fn print(&mut self, text: impl FnOnce(bool) -> String) {
        if let Some(color) = self.text
            && self.unwritten.is_none()
        {
            self.unwritten = output::print(&text(color)).err();
        }
    }

    /// Takes an exchange that has ended.
    pub(super) fn take(&mut self, exchange: Exchange) {
        let here = (exchange.section, exchange.mix.as_str());
        if self.passes.is_empty() || (self.current.0, self.current.1.as_str()) != here {
            self.end_pass();
            self.begin_pass(exchange.section, &exchange.mix);
        }
        let failed = exchange.is_final_failure();
        let mut is_shown = self.step.is_none_or(|step| exchange.step == step);
        if let Some(operation) = self.operations.get_mut(exchange.operation as usize) {
            operation.was_run = true;
            is_shown |= operation.is_shown;
        }
        // A failure says why the step that is shown was not reached.
        is_shown |= failed;
        let exchange = exchange.redacted(self.secrets);
        if is_shown {
            self.print(|color| exchanges::render(&exchange, color));
        }
        if let Some(pass) = self.passes.last_mut() {
            pass.passed &= !failed;
            if is_shown {
                pass.exchanges.push(exchange);
            }
        }
    }

    fn begin_pass(&mut self, section: Section, mix: &str) {
        let plan = self.plan;
        let flows: Vec<&Vec<Step>> = match section {
            Section::Setup => vec![&plan.setup],
            Section::Teardown => vec![&plan.teardown],
            Section::Mix => {
                let found = plan.mix.iter().find(|entry| entry.name == mix);
                found.map_or_else(Vec::new, |entry| entry.flows().into())
            }
        };
        self.current = (section, mix.to_owned());
        self.operations.clear();
        for steps in flows {
            list(steps, self.step, self.step.is_none(), &mut self.operations);
        }
        let mix = self.secrets.redact(mix);
        self.passes.push(Pass {
            section,
            mix: mix.clone(),
            passed: true,
            ..Pass::default()
        });
        let has_shown = self.operations.iter().any(|operation| operation.is_shown);
        if has_shown {
            self.print(|color| exchanges::title(section, &mix, color));
        }
    }

    fn end_pass(&mut self) {
        let Some(pass) = self.passes.last_mut() else {
            return;
        };
        let missed = self
            .operations
            .iter()
            .filter(|operation| operation.is_shown && !operation.was_run);
        pass.not_run = missed
            .map(|operation| self.secrets.redact(operation.name))
            .collect();
        let text = exchanges::not_run(pass);
        self.print(|_| text);
    }

    /// Ends the transcript; returns the passes, and why they could not be printed, if so. A mix
    /// entry none of whose operations was run has a pass, too.
    pub(super) fn end(mut self) -> (Vec<Pass>, Option<Failure>) {
        self.end_pass();
        let plan = self.plan;
        for entry in &plan.mix {
            let mix = self.secrets.redact(&entry.name);
            let is_there = |pass: &Pass| pass.section == Section::Mix && pass.mix == mix;
            if !self.passes.iter().any(is_there) {
                self.begin_pass(Section::Mix, &entry.name);
                self.end_pass();
            }
        }
        (self.passes, self.unwritten)
    }
}

/// Lists the operations of steps in source order, the order of their ids. Those of the steps called
/// `name`, or inside them, are shown.
fn list<'a>(steps: &'a [Step], name: Option<&str>, is_shown: bool, into: &mut Vec<Planned<'a>>) {
    for step in steps {
        let is_shown = is_shown || name == Some(step.name.as_str());
        if step.operation().is_some() {
            into.push(Planned {
                name: &step.name,
                is_shown,
                was_run: false,
            });
        }
        list(step.inside(), name, is_shown, into);
    }
}
