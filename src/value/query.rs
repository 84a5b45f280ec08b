//! [`Query`]: a JSONPath query (RFC 9535), compiled once.
//!
//! Most queries only name members and number items. They are answered while the text is read: what
//! lies beside the path is skipped, which takes a tenth of the time that it takes to build a tree
//! of the whole text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json_path::JsonPath;

use super::ValueError;

/// A compiled query.
#[derive(Debug)]
pub struct Query {
    /// The query as the library knows it.
    pub(super) path: JsonPath,
    /// The same as steps, if each leads to at most one value by its name or number.
    steps: Option<Vec<Step>>,
}

/// One step from a value to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Query {
    /// Compiles a query.
    ///
    /// # Errors
    /// If the query is not valid, with the reason.
    pub fn compile(query: &str) -> Result<Self, ValueError> {
        // The parser recurses at each bracket; no real scenario needs this many.
        if query.len() > 1000 || query.bytes().filter(|b| b"[(".contains(b)).count() > 50 {
            return Err(ValueError("it is too long".into()));
        }
        let path = JsonPath::parse(query)
            .map_err(|e| ValueError(e.to_string().lines().last().unwrap_or_default().to_owned()))?;
        Ok(Self {
            path,
            steps: steps(query),
        })
    }

    /// Reads JSON to its end and returns the text of the first match; of several members of one name
    /// the last counts. Returns `None` if this query can't be answered so.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub(super) fn locate<'t>(
        &self,
        text: &'t str,
    ) -> Option<serde_json::Result<Option<&'t RawValue>>> {
        let steps = self.steps.as_deref()?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let located = Rest(steps).deserialize(&mut reader);
        Some(located.and_then(|found| reader.end().map(|()| found)))
    }
}

/// Returns the steps of a query that consists of names and numbers only. It knows the usual ways to
/// write them; others are left to the library.
fn steps(query: &str) -> Option<Vec<Step>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let mut rest = query.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        if let Some(named) = rest.strip_prefix('.') {
            let length = named.bytes().take_while(|byte| is_name(*byte)).count();
            let name;
            (name, rest) = named.split_at(length);
            if name.is_empty() {
                return None;
            }
            step = Step::Name(name.to_owned());
        } else {
            let inside = rest.strip_prefix('[')?;
            let quote = inside.chars().next()?;
            if matches!(quote, '\'' | '"') {
                let (name, behind) = inside[1..].split_once(quote)?;
                if name.contains('\\') {
                    return None;
                }
                step = Step::Name(name.to_owned());
                rest = behind.strip_prefix(']')?;
            } else {
                let (number, behind) = inside.split_once(']')?;
                step = Step::Index(number.parse().ok()?);
                rest = behind;
            }
        }
        steps.push(step);
    }
    Some(steps)
}

/// Reads a value, and finds in it what the rest of a query leads to.
struct Rest<'q>(&'q [Step]);

impl<'de> DeserializeSeed<'de> for Rest<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(reader).map(Some),
            [step, rest @ ..] => reader.deserialize_any(Within { step, rest }),
        }
    }
}

/// Takes one step into a list or a map.
struct Within<'q> {
    step: &'q Step,
    rest: &'q [Step],
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let wanted = match self.step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) => None,
        };
        let mut found = None;
        while let Some(is_wanted) = map.next_key_seed(IsName(wanted))? {
            if is_wanted {
                found = map.next_value_seed(Rest(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let Step::Index(index) = self.step {
            let mut before = 0..*index;
            while before.next().is_some() {
                if list.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = list.next_element_seed(Rest(self.rest))?.flatten();
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Reads the name of a member, and compares it without a copy.
struct IsName<'q>(Option<&'q str>);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(self.0 == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn a_query_that_is_not_valid_says_why() {
        for bad in ["items", "$.[", "", "$..[?(@.a", &"$[".repeat(600)] {
            assert!(Query::compile(bad).is_err_and(|e| !e.0.is_empty()), "{bad}");
        }
    }

    #[test]
    fn names_and_numbers_are_steps_and_all_else_is_left_to_the_library() {
        let name = |name: &str| Step::Name(name.into());
        for (query, wanted) in [
            ("$", vec![]),
            ("$.a.b_1", vec![name("a"), name("b_1")]),
            (
                "$.items[3].id",
                vec![name("items"), Step::Index(3), name("id")],
            ),
            (r#"$['a b']["c.d"]"#, vec![name("a b"), name("c.d")]),
            ("$.größe", vec![name("größe")]),
        ] {
            let compiled = Query::compile(query).expect("good");
            assert_eq!(compiled.steps, Some(wanted), "{query}");
        }
        for query in [
            "$..a",
            "$.*",
            "$[-1]",
            "$[0,1]",
            "$[0:2]",
            "$[?@.a]",
            r"$['a\'b']",
            "$[ 0 ]",
            "$ .a",
        ] {
            assert_eq!(Query::compile(query).expect("good").steps, None, "{query}");
        }
    }

    /// JSON as text, with names that occur twice, escapes and blanks.
    fn texts() -> impl Strategy<Value = String> {
        let name = || prop::sample::select(vec!["a", "b", "\\u0061", "é", "", "a b"]);
        let leaf = prop::sample::select(vec![
            "null",
            "true",
            "1",
            "-2.50",
            "1e2",
            "\"x\"",
            "\"\\\"]}\"",
            "[]",
            "{}",
            " 7 ",
            "98765432101234567890",
        ]);
        leaf.prop_map(str::to_owned)
            .prop_recursive(4, 40, 5, move |inner| {
                let list = prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(" ,")));
                let member =
                    (name(), inner).prop_map(|(name, value)| format!("\"{name}\": {value}"));
                let map = prop::collection::vec(member, 0..5)
                    .prop_map(|members| format!("{{{}}}", members.join(",")));
                prop_oneof![list, map]
            })
    }

    fn queries() -> impl Strategy<Value = String> {
        let step = prop::sample::select(vec![
            ".a", ".b", "['a b']", "[\"\"]", ".é", "[0]", "[1]", "[2]",
        ]);
        prop::collection::vec(step, 0..4).prop_map(|steps| format!("${}", steps.concat()))
    }

    proptest! {
        #[test]
        fn what_is_found_while_reading_is_what_the_library_finds_in_the_tree(text in texts(), query in queries()) {
            let query = Query::compile(&query).expect("good");
            let tree: Json = serde_json::from_str(&text).expect("JSON");
            let found = query.locate(&text).expect("steps").expect("JSON");
            let found: Option<Json> = found.map(|raw| serde_json::from_str(raw.get()).expect("JSON"));
            prop_assert_eq!(found.as_ref(), query.path.query(&tree).first());
        }

        #[test]
        fn a_text_that_is_cut_is_not_json_to_either(text in texts(), query in queries(), at in any::<prop::sample::Index>()) {
            let query = Query::compile(&query).expect("good");
            let mut at = at.index(text.len());
            while !text.is_char_boundary(at) { at -= 1; }
            let cut = &text[..at];
            let is_json = serde_json::from_str::<Json>(cut).is_ok();
            prop_assert_eq!(query.locate(cut).expect("steps").is_ok(), is_json);
        }
    }
}
