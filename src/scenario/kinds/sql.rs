//! `sql`: a statement to a PostgreSQL server, with its parameters.

use crate::plan::kinds::sql::{SqlStatement, TransactionPart};
use crate::plan::{Action, Scheme, Step, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::operation::OperationParts;
use crate::scenario::response_source::Origin;
use crate::scenario::timeout::PartialTimeouts;
use crate::scenario::tree::{Node, Scalar, Value, typed};

/// Maximum number of parameters of a statement (PostgreSQL's own).
const MAX_PARAMS: usize = 65_535;
const EXAMPLE: &str = "sql: \"select id from orders where user_id = $1\"";
const PARAMS: &str = "params: [ \"{{user}}\" ]";

/// The first words of statements that a step can't run, with the reason and the remedy.
const REFUSED: &[(&[&str], &str, &str)] = &[
    (
        &["begin", "start", "commit", "end", "rollback", "abort"],
        "belongs to a transaction, and the next step may have another connection",
        "write `transaction: { flow: [ … ] }`, which begins, commits, and rolls back if a step fails",
    ),
    (
        &["savepoint", "release"],
        "belongs to a part of a transaction, which a step can't begin",
        "give each part a `transaction` of its own",
    ),
    (
        &["copy", "listen", "notify", "set", "prepare", "deallocate"],
        "changes the state of a connection that others may use later",
        "write a single statement; with `with … insert … returning …` it can do several things at once",
    ),
];

pub(super) const KIND: Kind = Kind {
    keys: &["sql"],
    family: Family::Network,
    own_keys: &["params"],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[
        ("jdbc", "sql"),
        ("query_sql", "sql"),
        ("postgres", "sql"),
        ("parameters", "params"),
    ],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.sql(action, fields),
    schema: include_str!("sql.json"),
};

impl Reader<'_> {
    fn sql(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_keys_of_http(fields, "`sql` sends a statement", "write it in `params`");
        self.refuse_keys_of_mocks(action, fields);
        let target = self.target_of_statement(action, fields);
        let statement = (!action.value.is_null())
            .then(|| statement(action.value, self.problems))
            .flatten();
        let params = match fields.take("params", self.problems) {
            Some(node) => params(node, self.problems),
            None => Some(Vec::new()),
        };
        let (mut parts, timeout) = self.exchanged(action, fields, target, None, Origin::Rows);
        let part = match self.transaction {
            Some(_) => TransactionPart::Inside,
            None => TransactionPart::None,
        };
        if part == TransactionPart::Inside {
            // That of the target is for statements that can be tried again.
            parts.retry = None;
        }
        let (statement, params, target) = (statement?, params?, target?);
        let inherited = self.targets.timeout(target);
        let sql = Action::Sql(SqlStatement {
            target,
            statement,
            params,
            part,
        });
        let operation = self.number(action, sql, parts, timeout, inherited);
        let title: Vec<String> = typed(action.value)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        Some((title.join(" "), StepKind::Operation(Box::new(operation))))
    }
}

impl Reader<'_> {
    /// Returns the target of a statement: inside of a transaction, that of the transaction.
    fn target_of_statement(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<usize> {
        let Some(open) = self.transaction else {
            return self.database(action, fields, &[Scheme::Postgres]);
        };
        if open.is_outside {
            self.problems
                .error(
                    action.span,
                    "branches run at the same time, but the statements of a transaction share one connection",
                )
                .help("write them one after another, or put a `transaction` into each branch");
        }
        let why = "after an error the server refuses all further statements of the transaction, so it can't be tried again";
        self.misplaced(fields, "retry", why, "remove it");
        let Some(entry) = fields.entry("target") else {
            return open.target;
        };
        let own = self.database(action, fields, &[Scheme::Postgres]);
        if own.is_some() && open.target.is_some() && own != open.target {
            self.problems
                .error(
                    entry.value.span,
                    "a transaction has one connection, but this statement is for another target",
                )
                .help("remove `target`, or move the statement out of the transaction");
        }
        own
    }

    /// Creates the step that begins a transaction.
    pub(super) fn begin_statement(
        &mut self,
        action: StepAction<'_>,
        target: usize,
        text: String,
    ) -> Step {
        self.control_statement(action, target, TransactionPart::Begin, text)
    }

    /// Creates the steps that end a transaction.
    pub(super) fn end_statements(&mut self, action: StepAction<'_>, target: usize) -> [Step; 2] {
        [
            (TransactionPart::Commit, "commit"),
            (TransactionPart::Rollback, "rollback"),
        ]
        .map(|(part, text)| self.control_statement(action, target, part, text.to_owned()))
    }

    fn control_statement(
        &mut self,
        action: StepAction<'_>,
        target: usize,
        part: TransactionPart,
        statement: String,
    ) -> Step {
        let retry = self.targets.retry(target);
        let parts = OperationParts {
            retry: retry.filter(|_| part == TransactionPart::Begin),
            ..OperationParts::default()
        };
        let inherited = self.targets.timeout(target);
        let sql = Action::Sql(SqlStatement {
            target,
            statement: statement.clone(),
            params: Vec::new(),
            part,
        });
        let operation = self.number(action, sql, parts, PartialTimeouts::default(), inherited);
        Step {
            name: statement,
            kind: StepKind::Operation(Box::new(operation)),
            when: None,
            chance: None,
            once: false,
            continue_on_error: false,
        }
    }
}

/// Decodes a statement; values of an iteration belong into its parameters.
fn statement(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    if let Value::Scalar(Scalar {
        template: Some(_), ..
    }) = &node.value
    {
        problems
            .error(
                node.span,
                "a statement can't contain values of an iteration: it is prepared once, and a value would be read as SQL",
            )
            .help(format!("write `$1` for it, and `{PARAMS}`"));
        return None;
    }
    let text = decode::text(node, "sql", problems)?;
    let first = text
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    let is_called = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(first));
    if text.trim().is_empty() || text.contains('\0') {
        problems
            .error(node.span, "this is not a statement")
            .help(format!("write `{EXAMPLE}`"));
    } else if let Some((_, why, remedy)) = REFUSED.iter().find(|(names, ..)| is_called(names)) {
        problems
            .error(node.span, format!("`{first}` {why}"))
            .help(*remedy);
    } else {
        return Some(text.to_owned());
    }
    None
}

/// Decodes parameters: `null` is NULL.
fn params(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Vec<Template>>> {
    let items = decode::list(node, "params", PARAMS, problems)?;
    if items.len() > MAX_PARAMS {
        problems
            .error(node.span, format!("{} parameters", items.len()))
            .help(format!("a statement has at most {MAX_PARAMS}"));
        return None;
    }
    let param = |item: &Node| {
        if item.is_null() {
            return Some(Vec::new());
        }
        Some(vec![decode::template(item, "params", problems)?])
    };
    let params: Vec<_> = items.iter().map(param).collect();
    params.into_iter().collect()
}
