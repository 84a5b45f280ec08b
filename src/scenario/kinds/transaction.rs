//! `transaction`: runs steps within a transaction of a database, which is measured as a whole.

use crate::plan::{Scheme, Step, StepKind, flow};
use crate::scenario::decode;
use crate::scenario::diagnostic::quoted;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction, TransactionContext};
use crate::scenario::section::Section;
use crate::scenario::tree::Node;

/// The map `transaction`.
const TRANSACTION: Section = Section::new(&[
    ("steps", "flow"),
    ("statements", "flow"),
    ("isolation_level", "isolation"),
    ("readonly", "read_only"),
]);
const EXAMPLE: &str = "transaction: { flow: [ { sql: \"update …\" }, { sql: \"insert …\" } ] }";
/// The levels of isolation.
const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

pub(super) const KIND: Kind = Kind {
    keys: &["transaction"],
    family: Family::Group,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("begin", "transaction: { flow: … }"), ("tx", "transaction")],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.transaction(action, fields),
    schema: include_str!("transaction.json"),
};

impl Reader<'_> {
    fn transaction(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        if self.transaction.is_some() {
            self.problems
                .error(action.span, "a transaction can't contain another one")
                .help("write their steps into one flow, or one transaction after the other");
        }
        let target = self.database(action, fields, &[Scheme::Postgres]);
        let why = "a transaction is not tried again as a whole: its statements are operations of their own";
        self.misplaced(fields, "retry", why, "remove it");
        let others = self.kinds.keys_of_operations();
        for key in others.filter(|key| !matches!(*key, "retry" | "target")) {
            let why =
                format!("`{key}` belongs to an operation, and `transaction` is a group of steps");
            self.misplaced(fields, key, &why, "give it to the steps inside");
        }
        if action.value.is_null() {
            return None;
        }
        let name = "`transaction`";
        let mut inner = Fields::open(action.value, &TRANSACTION, name, EXAMPLE, self.problems)?;
        let isolation = inner.take("isolation", self.problems);
        let isolation = isolation.and_then(|node| self.isolation(node));
        let is_read_only = inner
            .take("read_only", self.problems)
            .and_then(|node| decode::flag(node, "read_only", self.problems));
        let begin = begin(isolation, is_read_only == Some(true));
        let steps = inner.need("flow", crate::scenario::flow::EXAMPLE, self.problems);
        inner.finish(self.problems);
        let group = self.timed(action, |reader| {
            reader.within(action, target, begin, steps?)
        })?;
        Some((action.key.to_owned(), StepKind::Transaction(group)))
    }

    /// Decodes the steps of a transaction, and adds those that begin and end it.
    fn within(
        &mut self,
        action: StepAction<'_>,
        target: Option<usize>,
        begin: String,
        steps: &Node,
    ) -> Option<Vec<Step>> {
        let begin = target.map(|target| self.begin_statement(action, target, begin));
        let open = TransactionContext {
            target,
            is_outside: false,
        };
        let outer = self.transaction.replace(open);
        let before = self.problems.len();
        let inside = self.list(steps, "flow");
        self.transaction = outer;
        let target = target?;
        let mut has_statement = false;
        flow::each(&inside, &mut |step| {
            let operation = step.operation();
            has_statement |= operation.is_some_and(|own| own.action.target() == Some(target));
        });
        if !has_statement && self.problems.len() == before {
            self.problems
                .error(steps.span, "this transaction has no statement")
                .help("add a step: `{ sql: \"update …\" }`");
        }
        let mut flow: Vec<Step> = begin.into_iter().chain(inside).collect();
        flow.extend(self.end_statements(action, target));
        Some(flow)
    }

    fn isolation(&mut self, node: &Node) -> Option<&'static str> {
        let text = decode::text(node, "isolation", self.problems)?;
        let level = LEVELS.into_iter().find(|level| *level == text);
        if level.is_none() {
            self.problems
                .error(
                    node.span,
                    format!("unknown level of isolation {}", quoted(text)),
                )
                .help("write `read committed`, `repeatable read` or `serializable`");
        }
        level
    }
}

/// Returns the statement that begins a transaction.
fn begin(isolation: Option<&str>, is_read_only: bool) -> String {
    let mut text = "begin".to_owned();
    if let Some(level) = isolation {
        text.push_str(" isolation level ");
        text.push_str(level);
    }
    if is_read_only {
        text.push_str(if isolation.is_some() {
            ", read only"
        } else {
            " read only"
        });
    }
    text
}
