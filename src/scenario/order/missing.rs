//! Reports values that can't be set when they are used, with the remedy.

use super::super::diagnostic::Span;
use super::super::names::Lifetime;
use super::Walk;
use super::phase::PhaseKind;

impl Walk<'_, '_> {
    /// Reports a value that nothing sets before it is used.
    pub(super) fn too_early(&mut self, name: &str, expression: &str, span: Span) {
        let place = self.place(expression, span);
        if !self.is_new(name, place) {
            return;
        }
        if self.problems.is_full() {
            self.problems
                .error(place, format!("`{name}` has no value here"));
            return;
        }
        if let Some(request) = self.request {
            self.problems
                .error(place, format!("`{name}` has no value when a request to this target is sent: nothing before it sets it"))
                .related(request, "this request")
                .help(format!(
                    "set it in `setup`, or in a step that goes to another target; or give it a start value: `vars: {{ {name}: … }}`"
                ));
            return;
        }
        let Some(setters) = self.setters.get(name) else {
            return;
        };
        let here = &self.phases[self.part];
        let own = setters
            .iter()
            .find(|setter| setter.part == self.part && setter.span.start >= place.start);
        let Some(setter) = own
            .or_else(|| setters.iter().find(|s| s.part == self.part))
            .or_else(|| setters.first())
        else {
            return;
        };
        let inside = self.step.start <= setter.span.start && setter.span.end <= self.step.end;
        let start = format!("or give it a start value: `vars: {{ {name}: … }}`");
        let (why, help) = if setter.part != self.part {
            let there = &self.phases[setter.part];
            let why = why(here.kind, there.kind, setter.lasts);
            let help = if here.kind == PhaseKind::Entry && setter.lasts == Lifetime::User {
                "put a step with `once` that sets it at the beginning of this entry too, or set it in `setup`"
            } else if here.kind == PhaseKind::Entry {
                "set it in this entry too, or in `setup`, whose values are available everywhere"
            } else if here.kind == PhaseKind::UserTeardown {
                "set it in the `setup` of this entry, or in a step with `once`"
            } else {
                "set it in `setup`"
            };
            (
                format!("{} sets it, and {why}", there.title),
                format!("{help}; {start}"),
            )
        } else if inside {
            (
                "this step itself sets it, but only later".to_owned(),
                format!("set it in a step before, {start}"),
            )
        } else if setter.span.start < place.start {
            (
                "it is set in another branch, which runs at the same time".to_owned(),
                format!("use it after the group, {start}"),
            )
        } else {
            (
                "the step that sets it comes later".to_owned(),
                format!("move that step up, {start}"),
            )
        };
        self.problems
            .error(place, format!("`{name}` has no value here: {why}"))
            .related(setter.span, "set here")
            .help(help);
    }

    /// Reports a step that runs in every iteration but uses a value that only a `once` step sets,
    /// if some mix entry that can be a user's first has no such step.
    pub(super) fn not_every_user(&mut self, name: &str, expression: &str, span: Span) {
        let Some(setters) = self.setters.get(name) else {
            return;
        };
        let sets = |part: usize| {
            setters
                .iter()
                .any(|setter| setter.part == part && setter.lasts == Lifetime::User)
        };
        let mut entries = self
            .phases
            .iter()
            .enumerate()
            .filter(|(_, part)| part.kind == PhaseKind::Entry);
        let Some((_, without)) = entries.find(|(part, _)| !sets(*part)) else {
            return;
        };
        let Some(setter) = setters
            .iter()
            .find(|setter| setter.part == self.part)
            .map(|setter| setter.span)
        else {
            return;
        };
        let place = self.place(expression, span);
        if !self.is_new(name, place) {
            return;
        }
        self.problems
            .error(
                place,
                format!(
                    "`{name}` has no value here for some users: a step with `once` sets it, which is run in the first iteration of a \
                     virtual user, and {} may be that",
                    without.title
                ),
            )
            .related(setter, "set here")
            .help(format!(
                "put a step with `once` that sets it into every entry of the mix, or set it in `setup`; or give it a start value: \
                 `vars: {{ {name}: … }}`"
            ));
    }

    /// Returns the location of an expression in the text, including its braces, if any.
    pub(super) fn place(&self, expression: &str, span: Span) -> Span {
        // The location would not be shown.
        if self.problems.is_full() {
            return span;
        }
        let typed = self.source.get(span.start..span.end).unwrap_or_default();
        let opens = typed.match_indices("{{").find_map(|(at, _)| {
            let length = typed[at..].find("}}")?;
            (typed[at + 2..at + length].trim() == expression)
                .then(|| Span::new(span.start + at, span.start + at + length + 2))
        });
        opens.unwrap_or(span)
    }
}

/// Says why a value that is set in steps of one kind is not there in those of another.
fn why(here: PhaseKind, there: PhaseKind, lasts: Lifetime) -> &'static str {
    match (here, there) {
        (PhaseKind::Setup, _) => "`setup` runs before it",
        (_, PhaseKind::Teardown) => "`teardown` runs after it",
        (PhaseKind::UserSetup, PhaseKind::Entry) => "the setup of a user runs before it",
        (PhaseKind::Entry | PhaseKind::UserSetup, PhaseKind::UserTeardown) => {
            "the teardown of a user runs after it"
        }
        (_, PhaseKind::UserSetup | PhaseKind::UserTeardown) => {
            "only users that run that entry have it"
        }
        (PhaseKind::Teardown | PhaseKind::UserTeardown, _) => {
            "the values of an iteration end with it"
        }
        _ if lasts == Lifetime::User => "a user whose first iteration is another one never has it",
        _ => "iterations share no values",
    }
}
