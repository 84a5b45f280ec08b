//! Scripts that run after a request: the checks and the values that are plain, and the lines of what is
//! not.

use serde_json::Value as Json;

use super::form::{Capture, Check, Script};
use super::js::{Kind, Token, function, statements, tokens};
use super::value::{Link, Names, Value, chain, head, literal, value};
use super::verbs;
use crate::import::note::{Note, Place};

/// How deep tests inside of tests are read.
const MAX_DEPTH: usize = 8;

/// What a script says that is plain.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain {
    /// What it checks.
    pub checks: Vec<Check>,
    /// What it takes from the response, by the names of variables.
    pub captures: Vec<(String, Capture)>,
}

/// Reads scripts; what is not plain is noted.
pub(super) fn read(scripts: &[Script], notes: &mut Vec<Note>) -> Plain {
    let mut plain = Plain::default();
    for script in scripts {
        let all = tokens(&script.text);
        let mut reader = Reader {
            names: Names::new(),
            plain: &mut plain,
            left: Vec::new(),
            is_before: script.is_before,
        };
        reader.statements(&all, 0);
        let message = |(first, last, what): (usize, usize, Option<String>)| {
            let (first, last) = (first + script.line - 1, last + script.line - 1);
            let lines = if first == last {
                format!("line {first}")
            } else {
                format!("lines {first} to {last}")
            };
            let what = what.map_or_else(String::new, |what| format!(" (`{what}`)"));
            Note {
                place: Place::Part(format!("{}, {lines}", script.place)),
                message: format!("the script does more here{what}: not carried over"),
            }
        };
        notes.extend(reader.left.into_iter().map(message));
    }
    plain
}

struct Reader<'a> {
    /// What names stand for.
    names: Names,
    plain: &'a mut Plain,
    /// The lines of what is not plain, with what is called there.
    left: Vec<(usize, usize, Option<String>)>,
    /// Whether the script runs before the request, when there is no response.
    is_before: bool,
}

impl Reader<'_> {
    fn statements(&mut self, tokens: &[Token], depth: usize) {
        for statement in statements(tokens) {
            if self.statement(statement, depth) != Some(()) {
                self.leave(statement);
            }
        }
    }

    /// Notes a statement that is not plain, together with the one before it.
    fn leave(&mut self, statement: &[Token]) {
        let (Some(first), Some(last)) = (statement.first(), statement.last()) else {
            return;
        };
        let what = called(statement);
        match self.left.last_mut() {
            Some((_, end, known)) if *end + 1 >= first.line => {
                *end = last.line.max(*end);
                if known.is_none() {
                    *known = what;
                }
            }
            _ => self.left.push((first.line, last.line, what)),
        }
    }

    /// Reads a statement, if it is plain.
    fn statement(&mut self, tokens: &[Token], depth: usize) -> Option<()> {
        let (first, rest) = tokens.split_first()?;
        if matches!(first.kind, Kind::Text(_)) && rest.is_empty() {
            // "use strict"
            return Some(());
        }
        let is_declaration = ["const", "let", "var"]
            .iter()
            .any(|word| first.is_word(word));
        let assigned = if is_declaration { rest } else { tokens };
        if let [name, equals, expression @ ..] = assigned
            && let Kind::Word(name) = &name.kind
            && equals.is("=")
        {
            // What is not plain must not be taken for what the name stood for before.
            self.names.remove(name);
            let value = value(expression, &self.names)?;
            self.names.insert(name.clone(), value);
            return Some(());
        }
        if self.is_legacy_test(tokens)? {
            return Some(());
        }
        let links = chain(tokens)?;
        let (head, rest) = head(&links);
        match (head.as_str(), rest) {
            (known, _) if known.starts_with("console.") => Some(()),
            ("pm.test" | "test" | "describe" | "it", [Link::Call(arguments)])
                if depth < MAX_DEPTH =>
            {
                let [_, body] = arguments.as_slice() else {
                    return None;
                };
                self.statements(function(body)?, depth + 1);
                Some(())
            }
            (
                "pm.environment.set"
                | "pm.collectionVariables.set"
                | "pm.globals.set"
                | "pm.variables.set"
                | "postman.setEnvironmentVariable"
                | "postman.setGlobalVariable"
                | "bru.setVar"
                | "bru.setEnvVar"
                | "bru.setCollectionVar"
                | "bru.setGlobalEnvVar",
                [Link::Call(arguments)],
            ) => {
                let [name, of, ..] = arguments.as_slice() else {
                    return None;
                };
                let Json::String(name) = literal(name, 1)? else {
                    return None;
                };
                let capture = value(of, &self.names)?.capture()?;
                self.is_after()?;
                self.plain.captures.push((name, capture));
                Some(())
            }
            _ => {
                let checks = verbs::response(&head, rest, &self.names)
                    .or_else(|| verbs::expectation(&head, rest, &self.names))?;
                self.is_after()?;
                self.plain.checks.extend(checks);
                Some(())
            }
        }
    }

    /// Returns nothing if there is no response yet, or if it is demanded too much of.
    fn is_after(&self) -> Option<()> {
        let demands = self.plain.checks.len() + self.plain.captures.len();
        (!self.is_before && demands < MAX_DEMANDS).then_some(())
    }

    /// Reads `tests["name"] = a === b`, which older collections have. Returns `None` if it is one that
    /// is not plain.
    fn is_legacy_test(&mut self, tokens: &[Token]) -> Option<bool> {
        let [first, open, _, close, equals, comparison @ ..] = tokens else {
            return Some(false);
        };
        if !(first.is_word("tests") && open.is("[") && close.is("]") && equals.is("=")) {
            return Some(false);
        }
        let at = comparison
            .iter()
            .position(|token| token.is("===") || token.is("=="))?;
        let left = value(&comparison[..at], &self.names)?;
        let right = value(&comparison[at + 1..], &self.names)?;
        let checks = verbs::equals(left, right)?;
        self.is_after()?;
        self.plain.checks.extend(checks);
        Some(true)
    }
}

/// The most checks and captures of the scripts of a request or a folder.
const MAX_DEMANDS: usize = 200;
/// Words that brackets follow without a call.
const KEYWORDS: [&str; 12] = [
    "async", "await", "catch", "for", "function", "if", "new", "return", "switch", "throw",
    "typeof", "while",
];

/// Returns what a statement calls first, without anything that could be a secret: names only.
fn called(statement: &[Token]) -> Option<String> {
    let mut name = String::new();
    for token in statement {
        match &token.kind {
            Kind::Word(word) if KEYWORDS.contains(&word.as_str()) => name.clear(),
            Kind::Word(word) if name.is_empty() || name.ends_with('.') => name.push_str(word),
            Kind::Sign(".") if !name.is_empty() && !name.ends_with('.') => name.push('.'),
            Kind::Sign("(") if !name.is_empty() && !name.ends_with('.') => {
                let is_short = name.len() <= 60;
                return is_short.then_some(name);
            }
            Kind::Word(word) => word.clone_into(&mut name),
            _ => name.clear(),
        }
    }
    None
}

/// Returns the checks of a value that is written as `pm.expect` takes it: an expression of Bruno's.
pub(crate) fn expression(text: &str) -> Option<Value> {
    value(&tokens(text), &Names::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::collection::form::{Expected, Rule};

    fn plain(text: &str) -> (Plain, Vec<String>) {
        let script = Script {
            is_before: false,
            place: "a".into(),
            line: 1,
            text: text.into(),
        };
        let mut notes = Vec::new();
        let plain = read(&[script], &mut notes);
        (plain, notes.iter().map(ToString::to_string).collect())
    }

    fn status(codes: &[&str]) -> Check {
        Check::Status(codes.iter().map(|code| (*code).to_owned()).collect())
    }

    fn json(path: &str, rule: Rule) -> Check {
        Check::Json(path.into(), rule)
    }

    fn equals(value: impl Into<Json>) -> Rule {
        Rule::Equals(Expected::Literal(value.into()))
    }

    fn when(condition: &str) -> Check {
        Check::When(condition.into())
    }

    fn literal(text: &str) -> Expected {
        Expected::Literal(text.into())
    }

    fn each_is_one_check(cases: &[(&str, Check)]) {
        for (text, check) in cases {
            let (plain, notes) = plain(text);
            assert_eq!(notes, [""; 0], "{text}");
            assert_eq!(plain.checks, std::slice::from_ref(check), "{text}");
        }
    }

    #[test]
    fn assertions_of_statuses_headers_texts_and_times_are_checks() {
        let to = |rest: &str| format!("pm.expect(pm.response.{rest}");
        each_is_one_check(&[
            ("pm.response.to.have.status(201);", status(&["201"])),
            ("pm.response.to.be.success", status(&["2xx"])),
            (
                &to("code).to.be.oneOf([200, 204])"),
                status(&["200", "204"]),
            ),
            (&to("code).to.equal(200)"), status(&["200"])),
            ("tests['x'] = responseCode.code === 200;", status(&["200"])),
            (
                "test('x', () => expect(res.getStatus()).to.equal(200));",
                status(&["200"]),
            ),
            (
                "insomnia.expect(insomnia.response.code).to.eql(200)",
                status(&["200"]),
            ),
            (
                &to("headers.get('A')).to.include('b')"),
                when("'b' in headers['a']"),
            ),
            (
                &to("headers.get('A')).to.eql('b')"),
                Check::Header("A".into(), literal("b")),
            ),
            (
                &to("text()).to.include('x');"),
                Check::Contains(literal("x")),
            ),
            (
                &to("responseTime).to.be.below(200)"),
                Check::MaxResponse("200".into()),
            ),
        ]);
    }

    #[test]
    fn assertions_of_json_are_checks() {
        let to = |rest: &str| format!("pm.expect(pm.response.json(){rest}");
        let variable = Rule::Equals(Expected::Variable("v".into()));
        let pattern = Rule::Matches("^x[/]+$".into());
        each_is_one_check(&[
            (&to(".a.b).to.eql('x')"), json("$.a.b", equals("x"))),
            (
                "const d = pm.response.json(); pm.expect(d[0]['a b']).to.eql(1.5)",
                json("$[0]['a b']", equals(1.5)),
            ),
            (
                "var d = JSON.parse(responseBody)\ntests[`x`] = d.a == null",
                json("$.a", equals(Json::Null)),
            ),
            (
                "pm.expect(res.body.ok).to.be.true",
                json("$.ok", equals(true)),
            ),
            (
                &to(").to.have.property('a', 'b')"),
                json("$.a", equals("b")),
            ),
            (&to(").to.have.property('a')"), json("$.a", Rule::Exists)),
            (
                "pm.response.to.have.jsonBody('a.b[0]', 1)",
                json("$.a.b[0]", equals(1)),
            ),
            (
                &to(".a).to.be.an('array')"),
                json("$.a", Rule::Type("array")),
            ),
            (&to(".a).to.match(/^x[/]+$/)"), json("$.a", pattern)),
            (
                &to(".a).to.be.at.least(-5)"),
                json("$.a", Rule::Bound("min", "-5".into())),
            ),
            (
                &to(".a.length).to.be.above(0)"),
                json("$.a", Rule::Bound("min_len", "1".into())),
            ),
            (&to(".a).to.be.above(5)"), when("json.a > 5")),
            (&to(".a).to.not.eql(\"it's\")"), when("json.a != 'it\\'s'")),
            (
                &to(".a).to.eql(pm.environment.get('v'))"),
                json("$.a", variable),
            ),
        ]);
    }

    #[test]
    fn what_a_script_sets_to_a_part_of_the_response_is_captured() {
        let (plain, notes) = plain(
            "'use strict'; // a comment\nconst user = pm.response.json().user;\n/* and\nanother */ const { id } = user;\n\
             pm.environment.set('id', user?.id);\npm.globals.set(\"etag\", pm.response.headers.get('ETag'))\n\
             bru.setVar('n', res.body.items.length)\npm.variables.set('now', Date.now());\nconsole.log(user.id)\n\
             pm.collectionVariables.set('sid', pm.cookies.get('SID'))",
        );
        assert_eq!(
            plain.captures,
            [
                ("id".to_owned(), Capture::Json("$.user.id".into())),
                ("etag".to_owned(), Capture::Header("ETag".into())),
                ("n".to_owned(), Capture::Json("$.items|length".into())),
                ("sid".to_owned(), Capture::Cookie("SID".into())),
            ]
        );
        let more = |place: &str| format!("a, {place}: not carried over");
        assert_eq!(
            notes,
            [
                more("line 4: the script does more here"),
                more("line 8: the script does more here (`pm.variables.set`)"),
            ]
        );
    }

    #[test]
    fn what_is_not_plain_is_noted_with_its_lines_and_without_its_values() {
        let (plain, notes) = plain(
            "pm.test('x', function () {\n  pm.response.to.have.status(200);\n  if (a) {\n    pm.sendRequest('sw0rdfish');\n  }\n});\n\
             for (const x of y) {\n}\nlet d = pm.response.json();\nd = other(d);\npm.expect(d.a).to.eql(1);\npm.expect(`${d}`).to.eql('sw0rdfish');",
        );
        assert_eq!(plain.checks, [status(&["200"])]);
        let more = |place: &str| format!("a, {place}: not carried over");
        assert_eq!(
            notes,
            [
                more("lines 3 to 5: the script does more here (`pm.sendRequest`)"),
                more("lines 7 to 8: the script does more here"),
                more("lines 10 to 12: the script does more here (`other`)"),
            ]
        );
    }
}
