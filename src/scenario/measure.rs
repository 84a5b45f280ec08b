//! `measure`: figures that a scenario reads from responses.

use super::capture::{PLACES, entries, open};
use super::decode;
use super::diagnostic::quoted;
use super::fields::Fields;
use super::kind::Reader;
use super::response_source::{Origin, source};
use super::section::Section;
use super::tree::Entry;
use super::words;
use crate::plan::{MAX_MEASURES, Measure, MeasureName, MeasureUnit};

/// A value of `measure`.
const MEASURE: Section = Section::new(&[
    ("json", "jsonpath"),
    ("pattern", "regex"),
    ("regexp", "regex"),
    ("type", "unit"),
]);

impl Reader<'_> {
    /// Decodes `measure` of an operation whose response is of this origin.
    pub(super) fn measures(&mut self, fields: &mut Fields<'_>, of: Origin) -> Vec<Measure> {
        let Some(node) = fields.take("measure", self.problems) else {
            return Vec::new();
        };
        let example = "measure: { items: { jsonpath: \"$.items|length\", unit: count } }";
        let entries = entries(node, "measure", example, self.problems);
        entries
            .iter()
            .filter_map(|entry| self.measure(entry, of))
            .collect()
    }

    fn measure(&mut self, entry: &Entry, of: Origin) -> Option<Measure> {
        let name = MeasureName::new(&entry.key);
        if name.is_none() {
            self.problems
                .error(
                    entry.key_span,
                    format!("{} is not a valid name of a measure", quoted(&entry.key)),
                )
                .help(format!(
                    "use at most {} letters, digits and `_`, and begin with a letter",
                    MeasureName::MAX
                ));
        }
        let mut fields = open(entry, &MEASURE, "the measure", self.problems)?;
        let unit = fields.need("unit", "unit: ms", self.problems);
        let unit = unit.and_then(|node| {
            let text = decode::text(node, "unit", self.problems)?;
            let unit = MeasureUnit::from_name(text);
            if unit.is_none() {
                let error = self
                    .problems
                    .error(node.span, format!("unknown unit {}", quoted(text)));
                match words::nearest(text, MeasureUnit::names()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!(
                        "choose from {}",
                        words::listed(MeasureUnit::names())
                    )),
                };
            }
            unit
        });
        let source = source(&mut fields, of, &PLACES, self.patterns, self.problems);
        fields.finish(self.problems);
        let (name, unit) = (name?, unit?);
        let number = self.number_of(entry, name, unit);
        Some(Measure {
            number: number?,
            name,
            source: source?,
            unit,
        })
    }

    /// Returns the number of a name that is new, or has the same unit as before; reports another.
    fn number_of(&mut self, entry: &Entry, name: MeasureName, unit: MeasureUnit) -> Option<u32> {
        let mut known = self.measured.iter().zip(0..);
        if let Some(((_, first, place), number)) = known.find(|((own, ..), _)| *own == name) {
            if *first != unit {
                self.problems
                    .error(
                        entry.key_span,
                        format!(
                            "`{name}` is in `{}` here, but in `{}` elsewhere",
                            unit.name(),
                            first.name()
                        ),
                    )
                    .related(*place, "the first one")
                    .help("write one unit, or give it another name");
            }
            return (*first == unit).then_some(number);
        }
        if self.measured.len() == MAX_MEASURES {
            self.problems
                .error(
                    entry.key_span,
                    format!("more than {MAX_MEASURES} measures in one scenario"),
                )
                .help("remove some");
        }
        let number = u32::try_from(self.measured.len()).ok()?;
        self.measured.push((name, unit, entry.key_span));
        Some(number)
    }
}
