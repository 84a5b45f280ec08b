//! Reports rows of feeds that are used where no row is taken, and columns that a feed does not have.

use super::super::diagnostic::{Span, quoted};
use super::super::words;
use super::Walk;
use super::phase::PhaseKind;
use crate::value::expression::Uses;

impl Walk<'_, '_> {
    /// Checks an expression that uses the row of a feed.
    pub(super) fn row(&mut self, name: &str, uses: &Uses, expression: &str, span: Span) {
        let part = &self.phases[self.part];
        if !matches!(part.kind, PhaseKind::Entry | PhaseKind::UserSetup) {
            let help = if part.kind == PhaseKind::UserTeardown {
                format!(
                    "keep what it needs of the row: `setup: [ {{ set: {{ my_{name}: … }} }} ]` in the entry"
                )
            } else {
                format!("use it in an entry of the `mix` that has `data: {name}`")
            };
            let place = self.place(expression, span);
            self.problems
                .error(
                    place,
                    format!(
                        "`{name}` is a feed, but {} takes no rows: only iterations do",
                        part.title
                    ),
                )
                .help(help);
            return;
        }
        if !part.data.contains(&name) {
            let help = match part.data.as_slice() {
                [] => format!("add `data: {name}` to the entry"),
                some => format!("add it to the entry: `data: [{}, {name}]`", some.join(", ")),
            };
            let place = self.place(expression, span);
            self.problems
                .error(
                    place,
                    format!("`{name}` is a feed, but {} takes no row of it", part.title),
                )
                .help(help);
            return;
        }
        let Some(columns) = self.feeds.columns(name) else {
            return;
        };
        for (_, column) in uses
            .members
            .iter()
            .filter(|(of, column)| of == name && !columns.contains(column))
        {
            let place = self.place(expression, span);
            let error = self.problems.error(
                place,
                format!("the feed `{name}` has no column {}", quoted(column)),
            );
            if columns.is_empty() {
                error.help(format!("its rows are numbers: write `{{{{{name}}}}}`"));
                continue;
            }
            match words::nearest(column, columns.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `{name}.{near}`?")),
                None => error.help(format!(
                    "it has {}",
                    words::listed(columns.iter().map(String::as_str))
                )),
            };
        }
    }
}
