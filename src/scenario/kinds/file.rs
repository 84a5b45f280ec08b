//! `file`: reads, writes or looks at a file.

use crate::plan::kinds::file::{FileAccess, FileContent, FileVerb, FileWrite};
use crate::plan::profile::Folder;
use crate::plan::{Action, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Span, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::section::Section;
use crate::scenario::timeout::PartialTimeouts;
use crate::scenario::tree::{Node, typed};
use crate::value::file;

/// The largest `bytes`.
const MAX_BYTES: u64 = 1_000_000_000_000;
const EXAMPLE: &str = "file: { read: data/a.bin }";
const CONTENT: &str = "add `bytes: 64KB` or `text: hello`";
/// What can be done with a file.
const VERBS: [&str; 3] = ["read", "write", "stat"];
/// The keys of `write` alone.
const OF_WRITE: [&str; 4] = ["bytes", "text", "append", "fsync"];
/// The map `file`.
const SECTION: Section = Section::new(&[
    ("path", "read"),
    ("open", "read"),
    ("size", "bytes"),
    ("content", "text"),
    ("sync", "fsync"),
    ("folder", "in"),
]);

pub(super) const KIND: Kind = Kind {
    keys: &["file"],
    family: Family::Local,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: false,
    foreign: &[],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.file(action, fields),
    schema: include_str!("file.json"),
};

impl Reader<'_> {
    fn file(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let read = if action.value.is_null() {
            None
        } else {
            self.access(action.value)
        };
        let writes = |(access, _): &(FileAccess, _)| matches!(access.verb, FileVerb::Write(_));
        let silent = read.as_ref().is_some_and(writes);
        let silent = silent.then_some("remove it, and `read` the file in another step");
        let (parts, timeout) = self.done_here(action, fields, silent);
        let (access, title) = read?;
        let work = Action::File(access);
        let operation = self.number(action, work, parts, timeout, PartialTimeouts::default());
        Some((title, StepKind::Operation(Box::new(operation))))
    }

    /// Decodes the map `file`; returns a name for its step, too.
    fn access(&mut self, node: &Node) -> Option<(FileAccess, String)> {
        let mut fields = Fields::open(node, &SECTION, "`file`", EXAMPLE, self.problems)?;
        let folder = fields
            .take("in", self.problems)
            .map(|node| self.folder(node));
        let verbs = VERBS.map(|verb| fields.entry(verb));
        let verbs: Vec<_> = verbs.into_iter().flatten().collect();
        let verb = match verbs.as_slice() {
            [verb] => Some(*verb),
            [] => {
                self.problems
                    .error(node.span, "this `file` does not say what is done with it")
                    .help(format!("write `{EXAMPLE}`, or `write` or `stat`"));
                None
            }
            [first, second, ..] => {
                self.problems
                    .error(
                        second.key_span,
                        format!(
                            "a step does one thing with a file, but this one has `{}` and `{}`",
                            first.key, second.key
                        ),
                    )
                    .related(first.key_span, "the other one")
                    .help("split it into two steps");
                None
            }
        };
        let writes = verb.is_none_or(|verb| verb.key == "write");
        let write = if writes {
            self.write(&mut fields)
        } else {
            for key in OF_WRITE {
                let why = format!("`{key}` belongs to `write`");
                self.misplaced(&mut fields, key, &why, &format!("remove `{key}`"));
            }
            None
        };
        fields.finish(self.problems);
        let verb = verb?;
        let folder = folder.unwrap_or(Some(if writes {
            Folder::Run
        } else {
            Folder::Scenario
        }));
        let path = self.path(&verb.value, &verb.key, folder, writes);
        let done = match verb.key.as_str() {
            "read" => FileVerb::Read,
            "stat" => FileVerb::Stat,
            _ => FileVerb::Write(write?),
        };
        let title = format!("{} {}", verb.key, typed(&verb.value));
        let access = FileAccess {
            path: path?,
            folder: folder?,
            verb: done,
        };
        Some((access, title))
    }

    fn folder(&mut self, node: &Node) -> Option<Folder> {
        match decode::text(node, "in", self.problems)? {
            "scenario" => Some(Folder::Scenario),
            "run" => Some(Folder::Run),
            other => {
                self.problems
                    .error(node.span, format!("`in` can't be {}", quoted(other)))
                    .help("write `in: scenario`, or `in: run` for the run's own folder, which is removed at its end");
                None
            }
        }
    }

    /// Decodes what is written, and how.
    fn write(&mut self, fields: &mut Fields<'_>) -> Option<FileWrite> {
        let bytes = fields.take("bytes", self.problems);
        let text = fields.take("text", self.problems);
        let mut flag = |key| {
            fields
                .take(key, self.problems)
                .and_then(|node| decode::flag(node, key, self.problems))
                .unwrap_or(false)
        };
        let (append, fsync) = (flag("append"), flag("fsync"));
        let content = match (bytes, text) {
            (Some(bytes), None) => self.bytes(bytes).map(FileContent::Bytes),
            (None, Some(text)) => {
                decode::template(text, "text", self.problems).map(FileContent::Text)
            }
            (Some(bytes), Some(text)) => {
                self.two_contents(bytes.span, text.span);
                None
            }
            (None, None) => {
                if fields.entry("write").is_some() {
                    self.problems
                        .error(fields.span, "this `write` needs content")
                        .help(CONTENT);
                }
                None
            }
        };
        Some(FileWrite {
            content: content?,
            append,
            fsync,
        })
    }

    fn bytes(&mut self, node: &Node) -> Option<u64> {
        let bytes = decode::size(node, "bytes", self.problems)?.0;
        if bytes > MAX_BYTES {
            self.problems
                .error(node.span, format!("a file of {bytes} bytes"))
                .help("write a size up to 1 TB, such as `64KB`");
            return None;
        }
        Some(bytes)
    }

    fn two_contents(&mut self, one: Span, other: Span) {
        self.problems
            .error(
                other,
                "a file has only one content, but this one has `bytes` and `text`",
            )
            .related(one, "the other one")
            .help("remove one of the two");
    }

    /// Decodes the path of a file. One that is known now must stay inside its folder, and should
    /// exist if it is read.
    fn path(
        &mut self,
        node: &Node,
        key: &str,
        folder: Option<Folder>,
        writes: bool,
    ) -> Option<Template> {
        let path = decode::template(node, key, self.problems)?;
        let Some(known) = path.as_text() else {
            return Some(path);
        };
        if known.trim().is_empty() {
            self.problems
                .error(node.span, format!("`{key}` is empty"))
                .help("write the path of a file, relative to the scenario");
            return None;
        }
        if let Err(wrong) = file::stays_inside(known) {
            decode::with_remedy(&wrong.to_string(), node.span, self.problems);
            return None;
        }
        if folder == Some(Folder::Scenario)
            && !writes
            && let Err(wrong) = file::find(self.context.folder, known)
        {
            if matches!(wrong, file::FileError::Outside(_)) {
                decode::with_remedy(&wrong.to_string(), node.span, self.problems);
                return None;
            }
            self.problems
                .warning(
                    node.span,
                    format!("the file {} does not exist in the scenario's folder yet", quoted(known)),
                )
                .help("create it before the run or in a step before this one; for a file that the run wrote, say `in: run`");
        }
        Some(path)
    }
}
