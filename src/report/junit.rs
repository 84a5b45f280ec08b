//! Writes the gates of a run as JUnit XML: a suite for the scenario, a case for each gate and mode.
//!
//! Restricted to the schema of Jenkins, which other CI servers read too; it has a file per suite
//! but no line per case, so the line is in the text of the failure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::result::RunResult;

use super::cases::{self, Case, Outcome};
use super::view;

/// Returns the report as XML.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn render(result: &RunResult) -> io::Result<String> {
    let cases = cases::all(result);
    let count = |outcome| {
        cases
            .iter()
            .filter(|case| case.outcome == outcome)
            .count()
            .to_string()
    };
    let name = text(&result.scenario.name);
    let totals = [
        ("tests", cases.len().to_string()),
        ("failures", count(Outcome::Failed)),
        ("errors", count(Outcome::Broken)),
        ("time", format!("{:.3}", cases::seconds(result, None))),
    ];
    let totals = || totals.iter().map(|(key, value)| (*key, value.as_str()));
    let skipped = cases
        .iter()
        .filter(|case| matches!(case.outcome, Outcome::Skipped | Outcome::Undecided))
        .count()
        .to_string();
    let started_at = text(&result.started_at);
    let file = result.scenario.file.as_deref().map(text);
    let mut bytes = Vec::new();
    let mut xml = Writer::new_with_indent(&mut bytes, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites")
        .with_attribute(("name", "loadgen"))
        .with_attributes(totals())
        .write_inner_content(|xml| {
            let suite = xml
                .create_element("testsuite")
                .with_attribute(("name", name.as_str()))
                .with_attributes(totals());
            let suite = suite.with_attributes([
                ("skipped", skipped.as_str()),
                ("timestamp", started_at.as_str()),
            ]);
            let suite = suite.with_attributes(file.iter().map(|file| ("file", file.as_str())));
            suite.write_inner_content(|xml| {
                properties(xml, result)?;
                cases
                    .iter()
                    .try_for_each(|one| case(xml, &name, file.as_deref(), one))
            })?;
            Ok(())
        })?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn properties<W: io::Write>(xml: &mut Writer<W>, result: &RunResult) -> io::Result<()> {
    let values = [
        ("loadgen", &result.loadgen.version),
        ("seed", &result.scenario.seed.to_string()),
        ("fingerprint", &result.scenario.fingerprint),
    ];
    xml.create_element("properties")
        .write_inner_content(|xml| {
            values.iter().try_for_each(|(name, value)| {
                xml.create_element("property")
                    .with_attributes([("name", *name), ("value", text(value).as_str())])
                    .write_empty()?;
                io::Result::Ok(())
            })?;
            result.scenario.tags.iter().try_for_each(|(name, value)| {
                let name = format!("tag.{}", text(name));
                xml.create_element("property")
                    .with_attributes([("name", name.as_str()), ("value", text(value).as_str())])
                    .write_empty()?;
                Ok(())
            })
        })?;
    Ok(())
}

fn case<W: io::Write>(
    xml: &mut Writer<W>,
    suite: &str,
    file: Option<&str>,
    case: &Case,
) -> io::Result<()> {
    let class = case
        .mode
        .map_or_else(|| suite.to_owned(), |mode| format!("{suite}.{mode}"));
    let (name, message, time) = (
        text(&case.name),
        text(&case.message),
        format!("{:.3}", case.seconds),
    );
    let mut lines = vec![message.clone()];
    lines.extend(case.details.iter().map(|line| text(line)));
    lines.extend(
        file.zip(case.line)
            .map(|(file, line)| format!("asked for at {file}:{line}")),
    );
    let lines = lines.join("\n");
    let (element, kind) = match case.outcome {
        Outcome::Passed => ("system-out", None),
        Outcome::Failed => ("failure", Some("gate")),
        Outcome::Broken => ("error", Some("run")),
        // Neither red nor green: JUnit has no other state for it.
        Outcome::Skipped | Outcome::Undecided => ("skipped", None),
    };
    let attributes = [
        ("name", name.as_str()),
        ("classname", class.as_str()),
        ("time", time.as_str()),
    ];
    xml.create_element("testcase")
        .with_attributes(attributes)
        .write_inner_content(|xml| {
            let inner = xml.create_element(element);
            let inner = match case.outcome {
                Outcome::Passed => inner,
                _ => inner.with_attribute(("message", message.as_str())),
            };
            inner
                .with_attributes(kind.map(|kind| ("type", kind)))
                .write_text_content(BytesText::new(&lines))?;
            Ok(())
        })?;
    Ok(())
}

/// Returns text on one line with only the characters that XML allows, which exclude even two valid
/// Unicode characters.
fn text(text: &str) -> String {
    view::plain(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::super::{fixture, golden};
    use super::*;
    use crate::result::End;

    fn number(node: Node<'_, '_>, name: &str) -> usize {
        node.attribute(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("{name} of {node:?}"))
    }

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(
                &format!("forms/{name}/junit.xml"),
                &render(&result).unwrap(),
            );
        }
    }

    #[test]
    fn a_reader_counts_what_the_totals_say() {
        for (name, mut result) in fixture::all().into_iter().chain(fixture::forms()) {
            result.scenario.name = format!("{}\u{ffff}", fixture::HOSTILE);
            result.scenario.file = Some(fixture::HOSTILE.into());
            let xml = render(&result).unwrap();
            let document = Document::parse(&xml).unwrap_or_else(|e| panic!("{name}: {e}\n{xml}"));
            let suites = document.root_element();
            let suite = suites.first_element_child().unwrap();
            let has = |element: &str| {
                suite
                    .descendants()
                    .filter(|node| node.has_tag_name(element))
                    .count()
            };
            for whole in [suites, suite] {
                assert_eq!(number(whole, "tests"), has("testcase"), "{name}");
                assert_eq!(number(whole, "failures"), has("failure"), "{name}");
                assert_eq!(number(whole, "errors"), has("error"), "{name}");
            }
            assert_eq!(number(suite, "skipped"), has("skipped"), "{name}");
            assert!(
                suite
                    .attribute("name")
                    .unwrap()
                    .contains("<script>alert(1)</script> \"'`]]> & \u{1f980} \u{fffd}txt.exe"),
                "{xml}"
            );
            assert!(!xml.contains("NaN"), "{xml}");
        }
    }

    #[test]
    fn a_failure_says_what_was_seen_and_where_it_is_asked_for() {
        let mut result = fixture::three_modes();
        result.thresholds[1].line = Some(14);
        result.end = End::Interrupted;
        let xml = render(&result).unwrap();
        let document = Document::parse(&xml).unwrap();
        let of = |element: &str| {
            document
                .descendants()
                .find(|node| node.has_tag_name(element))
                .unwrap()
        };
        assert_eq!(
            of("failure").attribute("message"),
            Some("observed 2.50 % (1 window not met), limit 1.00 %, margin -1.50 %")
        );
        let text = of("failure").text().unwrap();
        assert!(
            text.contains("round 2, the window from 20.0 s: 2.50 %\n")
                && text.ends_with("\nasked for at scenarios/shop-api.yaml:14"),
            "{text}"
        );
        assert!(
            text.contains("4 × status in buy › POST /cart, from 125 ms to 375 ms: ")
                && text.contains("; first http://127.0.0.1:8080/cart")
        );
        assert_eq!(
            of("error").parent().unwrap().attribute("name"),
            Some("the run completed")
        );
    }
}
