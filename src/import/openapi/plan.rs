//! [`Planner`]: makes requests of operations.

use std::collections::{BTreeSet, HashMap};

use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;

use super::media::{self, grouped, joined};
use super::operations::Operation;
use super::parameters::{self, Parameter};
use super::responses;
use super::sample::Sampler;
use super::schema::Reader;
use super::security::Carried;
use super::servers::Servers;
use super::style::{Pair, encoded, scalar};
use super::text;
use super::variables::{Variables, of_parameter};
use crate::import::credentials::{Credentials, is_secret_field, is_secret_header};
use crate::import::exchange::Exchange;
use crate::import::names::is_token;
use crate::import::template::{literal, literal_before_template};
use crate::import::yaml::Yaml;
use crate::value::text::PATH;

/// What is encoded in the fixed parts of a path: also what would end the path.
const FIXED: &AsciiSet = &PATH.add(b'#');
/// The request of an operation, before it is known what it has in common with others.
pub(super) struct Planned<'a> {
    /// The operation.
    pub operation: &'a Operation<'a>,
    /// The request, without credentials of `auth`.
    pub exchange: Exchange,
    /// Its credentials.
    pub carried: Carried,
    /// The URL of its target.
    pub url: String,
    /// What is captured of its response: names with their JSONPaths.
    pub captures: Vec<(String, String)>,
    /// What a person has to decide.
    pub notes: BTreeSet<String>,
}

/// The requests of a mix entry so far.
#[derive(Default)]
pub(super) struct Flow<'a> {
    /// The requests.
    pub requests: Vec<Planned<'a>>,
    /// Those that create something, by the shape of their paths.
    creators: HashMap<String, usize>,
}

impl<'a> Flow<'a> {
    /// Adds a request.
    pub(super) fn push(&mut self, request: Planned<'a>) {
        if request.operation.method == "POST" {
            let path = shape(request.operation.path);
            self.creators.entry(path).or_insert(self.requests.len());
        }
        self.requests.push(request);
    }

    /// Returns the request that creates what is in a collection.
    fn creator(&mut self, collection: &str) -> Option<&mut Planned<'a>> {
        let index = *self.creators.get(&shape(collection))?;
        self.requests.get_mut(index)
    }
}

/// Makes requests of operations.
pub(super) struct Planner<'a> {
    /// What schemas are read with.
    pub reader: Reader<'a>,
    /// Secrets.
    pub credentials: Credentials,
    /// Variables.
    pub variables: Variables,
    /// Servers.
    pub servers: Servers,
    /// The media type to ask for where the document says none.
    pub accept: Option<&'a str>,
}

impl<'a> Planner<'a> {
    /// Makes the request of an operation that comes after others in its mix entry, of which some may
    /// create what it addresses.
    pub(super) fn plan(
        &mut self,
        operation: &'a Operation<'a>,
        carried: Carried,
        before: &mut Flow<'a>,
    ) -> Planned<'a> {
        self.reader.budget.begin();
        let node = operation.node;
        let mut sampler = Sampler::new(self.reader, &operation.place);
        let levels = [operation.item, node];
        let mut parameters = parameters::of_operation(self.reader, levels, &mut sampler);
        let item_place = operation
            .place
            .rsplit_once('.')
            .map_or("", |(item, _)| item);
        let servers = [
            (node, operation.place.as_str()),
            (operation.item, item_place),
            (self.reader.documents.root(), ""),
        ];
        let server = self.servers.of(&servers, &mut self.variables);
        let sent = media::body(self.reader, node, &operation.method, &mut sampler);
        let mut notes = sampler.notes;
        if self.reader.budget.is_used_up() {
            notes.insert("its schemas are too large: not all values were made".into());
        }
        say_what_is_left_out(operation, &mut notes);
        let mut path = self.path(operation, &parameters, before);
        if self.is_without_auth(&carried) {
            parameters.retain(|parameter| !is_implied(parameter, false));
        } else {
            parameters.retain(|parameter| !is_implied(parameter, true));
        }
        let (query, step) = self.query(operation.path, &parameters, &carried);
        if let Some(query) = query {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&query);
        }
        let mut headers = self.headers(&parameters, &carried, &mut notes);
        if let Some(media) = responses::accept(self.reader, node).or(self.accept) {
            headers.insert(0, ("accept".into(), literal(media)));
        }
        headers.extend(
            sent.content_type
                .map(|media| ("content-type".into(), media)),
        );
        let is_named = node.text("operationId").is_some() || operation.path.contains(['{', '?']);
        Planned {
            operation,
            exchange: Exchange {
                name: is_named.then(|| operation.name()),
                method: operation.method.clone(),
                origin: server.origin,
                path,
                headers,
                body: self.credentials.hide_body(sent.body),
                step,
                target: Vec::new(),
            },
            carried,
            url: server.url,
            captures: Vec::new(),
            notes,
        }
    }

    fn is_without_auth(&self, carried: &Carried) -> bool {
        let is_header = |(name, _): &(String, String)| name == "authorization";
        carried.auth.is_none() && !carried.headers.iter().any(is_header)
    }

    /// Returns the path, in which each parameter has its value: what was created before, or a variable.
    fn path(
        &mut self,
        operation: &Operation<'_>,
        parameters: &[Parameter<'_>],
        before: &mut Flow<'a>,
    ) -> String {
        let mut path = String::new();
        let mut at = 0;
        let whole = operation.path;
        while let Some((start, end)) = braces(whole, at) {
            let fixed = utf8_percent_encode(&whole[at..start], FIXED).to_string();
            path.push_str(&literal_before_template(&fixed));
            let name = &whole[start + 1..end];
            let is_segment = whole[..start].ends_with('/')
                && matches!(whole[end + 1..].chars().next(), None | Some('/' | '?'));
            let of_path = |p: &&Parameter<'_>| p.place == "path" && p.name == name;
            let parameter = parameters.iter().find(of_path);
            let captured = self
                .captured(&whole[..start], name, before)
                .filter(|_| is_segment && parameter.is_none_or(is_plain));
            path.push_str(&match captured {
                Some(template) => template,
                None => self.inserted(&whole[..start], name, parameter),
            });
            at = end + 1;
        }
        let fixed = utf8_percent_encode(&whole[at..], FIXED).to_string();
        path + &literal(&fixed)
    }

    /// Returns the template of what an earlier operation created, if it tells its identifier.
    fn captured(&self, collection: &str, name: &str, before: &mut Flow<'a>) -> Option<String> {
        let creator = before.creator(collection)?;
        let Operation { node, path, .. } = creator.operation;
        let json_path = responses::identifier(self.reader, *node, path, name)?;
        let variable = of_parameter(name, collection);
        let template = format!("{{{{{variable}}}}}");
        if !creator.captures.iter().any(|(known, _)| *known == variable) {
            creator.captures.push((variable, json_path));
        }
        Some(template)
    }

    /// Returns what stands in a path for a parameter that nothing before has made.
    fn inserted(&mut self, before: &str, name: &str, parameter: Option<&Parameter<'_>>) -> String {
        let value = parameter.and_then(|parameter| parameter.value.as_ref());
        let value = value.filter(|value| !scalar(value).is_empty());
        if let (Some(parameter), Some(value)) = (parameter, value)
            && (!is_plain(parameter) || value.is_object() || value.is_array())
        {
            return parameter.style.in_path(name, value);
        }
        let is_made_up = value.is_none() || parameter.is_none_or(|p| p.is_made_up);
        let variable = of_parameter(name, before);
        // A text that only repeats the name can as well be a part of a path.
        let only_words = |value: &Value| *value == text::words(name);
        let value = match value {
            Some(value) if !is_made_up || !only_words(value) => value.clone(),
            _ => Value::from(variable.replace('_', "-")),
        };
        let text = scalar(&value);
        // Of other characters, the request itself encodes what has to be.
        let value = if text.contains(['/', '?', '#', '%']) {
            Value::from(encoded(&text))
        } else {
            value
        };
        if is_secret_field(name) {
            return self.credentials.hide(name, &literal(&scalar(&value)));
        }
        let variable = self.variables.of(&variable, &value, is_made_up);
        format!("{{{{{variable}}}}}")
    }

    /// Returns the query: as a part of the path if delimiters in it must not be encoded, else as a
    /// key of the step.
    fn query(
        &mut self,
        path: &str,
        parameters: &[Parameter<'_>],
        carried: &Carried,
    ) -> (Option<String>, Vec<(String, Yaml)>) {
        let mut pairs = Vec::new();
        for parameter in parameters.iter().filter(|p| p.place == "query") {
            let is_carried = carried.query.iter().any(|(name, _)| name == parameter.name);
            if let Some(value) = parameter.value.as_ref().filter(|_| !is_carried) {
                pairs.extend(parameter.style.in_query(parameter.name, value));
            }
        }
        let is_encoded = |pair: &Pair| matches!(pair, Pair::Encoded(..));
        if path.contains('?') || pairs.iter().any(is_encoded) {
            let own = pairs
                .into_iter()
                .map(joined)
                .map(|pair| self.credentials.hide_pairs(&pair));
            let own: Vec<String> = own.collect();
            // Nothing else encodes a secret that stands in a path.
            let carried = carried.query.iter().map(|(name, template)| {
                let secret = template.trim_matches(['{', '}']);
                format!("{}={{{{urlencode({secret})}}}}", encoded(name))
            });
            let all: Vec<String> = own.into_iter().chain(carried).collect();
            return ((!all.is_empty()).then(|| all.join("&")), Vec::new());
        }
        let mut members = grouped(pairs);
        for (name, value) in &mut members {
            if let Yaml::Text(text) = value
                && is_secret_field(name)
            {
                *text = self.credentials.hide(name, text);
            }
        }
        let carried = carried.query.iter();
        members.extend(carried.map(|(name, value)| (name.clone(), Yaml::text(value))));
        let step = (!members.is_empty()).then(|| ("query".to_owned(), Yaml::Map(members)));
        (None, step.into_iter().collect())
    }

    fn headers(
        &mut self,
        parameters: &[Parameter<'_>],
        carried: &Carried,
        notes: &mut BTreeSet<String>,
    ) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut cookies = Vec::new();
        for parameter in parameters {
            let Some(value) = &parameter.value else {
                continue;
            };
            let name = parameter.name;
            if parameter.place == "cookie" {
                if is_token(name) {
                    let pair = parameter.style.in_cookie(name, value);
                    cookies.push(self.credentials.hide_pairs(&literal(&pair)));
                }
                continue;
            }
            if parameter.place != "header" {
                continue;
            }
            let lower = name.to_ascii_lowercase();
            let text = parameter.style.in_header(value);
            let is_good = is_token(name) && !text.contains(char::is_control);
            if !is_good || parameters::OWN.contains(&lower.as_str()) {
                notes.insert(format!("the header `{}` is left out", name.escape_debug()));
                continue;
            }
            if carried
                .headers
                .iter()
                .chain(&headers)
                .any(|(known, _)| *known == lower)
            {
                continue;
            }
            let text = literal(&text);
            let text = if is_secret_header(&lower) {
                self.credentials.hide(&lower, &text)
            } else {
                text
            };
            headers.push((lower, text));
        }
        headers.extend(carried.headers.iter().cloned());
        cookies.extend(carried.cookies.iter().cloned());
        if !cookies.is_empty() {
            headers.push(("cookie".into(), cookies.join("; ")));
        }
        headers
    }
}

/// Returns whether a header is said otherwise: what `accept`, `content-type` and `authorization` are
/// is not said by parameters.
fn is_implied(parameter: &Parameter<'_>, has_auth: bool) -> bool {
    let name = parameter.name.to_ascii_lowercase();
    parameter.place == "header"
        && (matches!(name.as_str(), "accept" | "content-type")
            || (has_auth && name == "authorization"))
}

/// Returns whether a parameter is only its value in a path.
fn is_plain(parameter: &Parameter<'_>) -> bool {
    !matches!(parameter.style.name, "label" | "matrix")
}

/// Returns where the next parameter of a path begins and ends.
fn braces(path: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + path.get(from..)?.find('{')?;
    let end = start + path[start..].find('}')?;
    (end > start + 1).then_some((start, end))
}

/// Returns a path without the names of its parameters.
fn shape(path: &str) -> String {
    let parts: Vec<&str> = path
        .trim_end_matches('/')
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect();
    parts.join("/")
}

/// Notes what an operation has that a scenario does not say.
fn say_what_is_left_out(operation: &Operation<'_>, notes: &mut BTreeSet<String>) {
    let node = operation.node;
    let callbacks: Vec<&str> = node
        .members("callbacks")
        .map(|(name, _)| name)
        .take(10)
        .collect();
    if !callbacks.is_empty() {
        let names = callbacks.join("`, `");
        notes.insert(format!(
            "`callbacks` are left out, because the service sends them: `{names}`"
        ));
    }
    let mut links = node
        .members("responses")
        .flat_map(|(_, response)| response.members("links"))
        .map(|(name, _)| name);
    if let Some(link) = links.next() {
        notes.insert(format!(
            "`links` are not read (`{link}`): write a `capture` where one helps"
        ));
    }
}
