//! `sql`: a statement to a PostgreSQL server, with its parameters.

use crate::plan::kinds::sql::SqlStatement;
use crate::plan::{Action, Scheme, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::response_source::Origin;
use crate::scenario::tree::{Node, Scalar, Value, typed};

/// Maximum number of parameters of a statement (PostgreSQL's own).
const MAX_PARAMS: usize = 65_535;
const EXAMPLE: &str = "sql: \"select id from orders where user_id = $1\"";
const PARAMS: &str = "params: [ \"{{user}}\" ]";

/// The first words of statements that a step can't run, with the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "begin",
            "start",
            "commit",
            "end",
            "rollback",
            "abort",
            "savepoint",
            "release",
        ],
        "belongs to a transaction, and the next step may have another connection",
    ),
    (
        &["copy", "listen", "notify", "set", "prepare", "deallocate"],
        "changes the state of a connection that others may use later",
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
        let target = self.database(action, fields, &[Scheme::Postgres]);
        let statement = (!action.value.is_null())
            .then(|| statement(action.value, self.problems))
            .flatten();
        let params = match fields.take("params", self.problems) {
            Some(node) => params(node, self.problems),
            None => Some(Vec::new()),
        };
        let (parts, timeout) = self.exchanged(action, fields, target, None, Origin::Rows);
        let (statement, params, target) = (statement?, params?, target?);
        let inherited = self.targets.timeout(target);
        let sql = Action::Sql(SqlStatement {
            target,
            statement,
            params,
        });
        let operation = self.number(action, sql, parts, timeout, inherited);
        let title: Vec<String> = typed(action.value)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        Some((title.join(" "), StepKind::Operation(Box::new(operation))))
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
    } else if let Some((_, why)) = REFUSED.iter().find(|(names, _)| is_called(names)) {
        problems
            .error(node.span, format!("`{first}` {why}"))
            .help("write a single statement; with `with … insert … returning …` it can do several things at once");
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
