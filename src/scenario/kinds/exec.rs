//! `exec`: runs a program.

use crate::plan::kinds::exec::Execution;
use crate::plan::{Action, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::quoted;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::section::Section;
use crate::scenario::timeout::PartialTimeouts;
use crate::scenario::tree::{Node, Value, typed};

/// The maximum number of arguments, and of variables.
const MAX_ARGUMENTS: usize = 1000;
const EXAMPLE: &str = "exec: [ ./transcode, \"{{name}}\" ]";
/// The map `exec`.
const SECTION: Section = Section::new(&[
    ("cmd", "command"),
    ("args", "command"),
    ("argv", "command"),
    ("run", "command"),
    ("environment", "env"),
    ("input", "stdin"),
    ("exit_code", "exit"),
    ("status", "exit"),
]);

pub(super) const KIND: Kind = Kind {
    keys: &["exec"],
    family: Family::Local,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: false,
    foreign: &[("shell", "exec"), ("command", "exec"), ("cmd", "exec")],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.exec(action, fields),
    schema: include_str!("exec.json"),
};

impl Reader<'_> {
    fn exec(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let read = match &action.value.value {
            _ if action.value.is_null() => None,
            Value::Map(_) => self.execution(action.value),
            _ => self.command(action.value).map(|command| Execution {
                command,
                names: Vec::new(),
                values: Vec::new(),
                stdin: None,
                exit: vec![0],
            }),
        };
        let (parts, timeout) = self.done_here(action, fields, None);
        let execution = read?;
        let written = action.value.get("command").unwrap_or(action.value);
        let title = match &written.value {
            Value::List(items) => items.iter().map(typed).collect::<Vec<_>>().join(" "),
            _ => typed(written),
        };
        let work = Action::Exec(execution);
        let operation = self.number(action, work, parts, timeout, PartialTimeouts::default());
        let step = StepKind::Operation(Box::new(operation));
        Some((format!("exec {title}"), step))
    }

    /// Decodes a program and its arguments.
    fn command(&mut self, node: &Node) -> Option<Vec<Template>> {
        if let Value::Scalar(_) = &node.value {
            self.problems
                .error(
                    node.span,
                    "`exec` must be a list of a program and its arguments, but this is one text",
                )
                .help(format!(
                    "write `{EXAMPLE}`; it does not go through a shell, but can run one: `exec: [ sh, -c, \"…\" ]`"
                ));
            return None;
        }
        let items = decode::list(node, "exec", EXAMPLE, self.problems)?;
        if items.is_empty() || items.len() > MAX_ARGUMENTS {
            self.problems
                .error(node.span, format!("a command of {} parts", items.len()))
                .help(format!(
                    "write the program and its arguments, as in `{EXAMPLE}`"
                ));
            return None;
        }
        let parts = items
            .iter()
            .map(|item| decode::template(item, "exec", self.problems));
        let command: Vec<_> = parts
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Option<_>>()?;
        if command.first().and_then(Template::as_text) == Some("") {
            self.problems
                .error(items[0].span, "the program's name is empty")
                .help(format!("write `{EXAMPLE}`"));
            return None;
        }
        Some(command)
    }

    fn execution(&mut self, node: &Node) -> Option<Execution> {
        const COMMAND: &str = "command: [ ./transcode, \"{{name}}\" ]";
        let mut fields = Fields::open(node, &SECTION, "`exec`", EXAMPLE, self.problems)?;
        let command = fields
            .need("command", COMMAND, self.problems)
            .map(|node| self.command(node));
        let variables = fields
            .take("env", self.problems)
            .map_or_else(|| Some(Vec::new()), |node| self.variables(node));
        let stdin = fields
            .take("stdin", self.problems)
            .map(|node| decode::template(node, "stdin", self.problems));
        let exit = match fields.take("exit", self.problems) {
            Some(node) => self.exit_codes(node),
            None => Some(vec![0]),
        };
        fields.finish(self.problems);
        let (names, values) = variables?.into_iter().unzip();
        Some(Execution {
            command: command??,
            names,
            values,
            stdin: match stdin {
                Some(text) => Some(text?),
                None => None,
            },
            exit: exit?,
        })
    }

    fn variables(&mut self, node: &Node) -> Option<Vec<(String, Template)>> {
        let Value::Map(entries) = &node.value else {
            self.problems
                .error(
                    node.span,
                    format!("`env` must be a map, but this is {}", node.describe()),
                )
                .help("write `env: { LANG: C }`");
            return None;
        };
        if entries.len() > MAX_ARGUMENTS {
            self.problems
                .error(node.span, format!("more than {MAX_ARGUMENTS} variables"))
                .help("remove some");
            return None;
        }
        let mut variables = Vec::new();
        for entry in entries {
            if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
                self.problems
                    .error(
                        entry.key_span,
                        format!("{} is not a valid name of a variable", quoted(&entry.key)),
                    )
                    .help("write a name such as `LANG`");
            }
            let value = decode::template(&entry.value, &entry.key, self.problems);
            variables.push(value.map(|value| (entry.key.clone(), value)));
        }
        variables.into_iter().collect()
    }

    fn exit_codes(&mut self, node: &Node) -> Option<Vec<u8>> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            self.problems
                .error(node.span, "`exit` lists no code of success")
                .help("write `exit: [0, 3]`, or remove it: then only 0 is one");
            return None;
        }
        let codes = items
            .iter()
            .map(|item| decode::small(item, "exit", 0..=255, self.problems));
        let codes: Vec<Option<u32>> = codes.collect();
        codes
            .into_iter()
            .map(|code| u8::try_from(code?).ok())
            .collect()
    }
}
