//! Requests of Bruno.

use super::assertion;
use super::bru::{Block, Content as BlockContent, block, value};
use super::variables::variables;
use crate::import::collection::form::{
    Auth, Aws, Call, ClientCredentials, Content, GraphQl, Pair, Part, Script,
};
use crate::import::collection::place;

/// The most checks, and the most captures, of a request.
const MAX_DEMANDS: usize = 200;
/// Blocks that say what is sent, by the method that they stand for.
const METHODS: [&str; 9] = [
    "get", "post", "put", "delete", "patch", "options", "head", "connect", "trace",
];

/// Reads a request in a folder; its file is called `stem`.
///
/// # Errors
/// If it is not a request over HTTP, with the reason.
pub(super) fn call(blocks: &[Block], path: &str, stem: &str) -> Result<Call, String> {
    let is_it = |block: &&Block| METHODS.contains(&block.name.as_str()) || block.name == "http";
    let Some(sent) = blocks.iter().find(is_it) else {
        return Err("it is not a request over HTTP".into());
    };
    let of_sent = |key: &str| value(blocks, &sent.name, key);
    let method = match sent.name.as_str() {
        "http" => of_sent("method").unwrap_or("get"),
        name => name,
    };
    let name = value(blocks, "meta", "name").unwrap_or(stem).to_owned();
    let mut call = Call {
        place: place(path, &name),
        method: method.to_ascii_uppercase(),
        url: of_sent("url").unwrap_or_default().to_owned(),
        segments: pairs(blocks, "params:path"),
        headers: pairs(blocks, "headers"),
        auth: auth(blocks, of_sent("auth").unwrap_or("none")),
        content: content(blocks, of_sent("body").unwrap_or("none")),
        keeps_body: true,
        name,
        ..Call::default()
    };
    call.scripts = scripts(blocks, &call.place);
    query(blocks, &mut call);
    for (setting, given) in block(blocks, "settings")
        .into_iter()
        .flat_map(Block::plain_pairs)
        .map(|pair| (pair.name, pair.value))
    {
        match setting.as_str() {
            "timeout" => call.timeout_ms = given.parse().ok(),
            "followRedirects" if given == "false" => call.redirects = Some(0),
            "maxRedirects" if call.redirects != Some(0) => call.redirects = given.parse().ok(),
            _ => {}
        }
    }
    for block in blocks {
        match (block.name.as_str(), &block.content) {
            ("vars:pre-request", BlockContent::Pairs(_)) => {
                call.variables = variables(std::slice::from_ref(block));
            }
            ("vars:post-response", BlockContent::Pairs(_)) => {
                for entry in block.pairs() {
                    let name = entry.name.trim_start_matches('@').to_owned();
                    match assertion::capture(&entry.value)
                        .filter(|_| call.captures.len() < MAX_DEMANDS)
                    {
                        Some(capture) => call.captures.push((name, capture)),
                        None => call.notes.push(format!(
                            "line {}: what the variable `{}` is set to is not carried over",
                            entry.line,
                            name.escape_debug()
                        )),
                    }
                }
            }
            ("assert", BlockContent::Pairs(_)) => {
                for entry in block.pairs() {
                    match assertion::checks(&entry.name, &entry.value)
                        .filter(|_| call.checks.len() < MAX_DEMANDS)
                    {
                        Some(checks) => call.checks.extend(checks),
                        None => call.notes.push(format!(
                            "line {}: the assertion of `{}` is not carried over",
                            entry.line,
                            entry.name.escape_debug()
                        )),
                    }
                }
            }
            ("example", BlockContent::Text(text)) => call.examples.extend(example(text)),
            _ => {}
        }
    }
    Ok(call)
}

/// Returns the status of the response in an example.
fn example(text: &str) -> Option<u16> {
    let codes = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("code:"));
    let mut codes = codes.filter_map(|code| code.trim().parse().ok());
    codes.find(|code| (100..600).contains(code))
}

fn pairs(blocks: &[Block], name: &str) -> Vec<Pair> {
    block(blocks, name)
        .map(Block::plain_pairs)
        .unwrap_or_default()
}

/// Puts the query of a block into the URL, which has those that are switched on too.
fn query(blocks: &[Block], call: &mut Call) {
    let Some(block) = block(blocks, "params:query").or_else(|| block(blocks, "query")) else {
        return;
    };
    let url = call.url.split(['?', '#']).next().unwrap_or_default();
    let escaped = |text: &str| text.replace('&', "%26").replace('#', "%23");
    let pairs: Vec<String> = block
        .plain_pairs()
        .iter()
        .map(|pair| format!("{}={}", escaped(&pair.name), escaped(&pair.value)))
        .collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    call.url = format!("{url}{mark}{}", pairs.join("&"));
}

/// Reads authentication of this mode.
pub(super) fn auth(blocks: &[Block], mode: &str) -> Option<Auth> {
    let get = |key: &str| {
        let value = value(blocks, &format!("auth:{mode}"), key);
        value.unwrap_or_default().to_owned()
    };
    Some(match mode {
        "inherit" => return None,
        "none" => Auth::None,
        "basic" => Auth::Basic(Pair::new(get("username"), get("password"))),
        "digest" => Auth::Digest(Pair::new(get("username"), get("password"))),
        "bearer" => Auth::Bearer(get("token")),
        "apikey" => {
            let pair = Pair::new(get("key"), get("value"));
            if get("placement") == "queryparams" {
                Auth::Query(pair)
            } else {
                Auth::Header(pair)
            }
        }
        "awsv4" => Auth::Aws(Box::new(Aws {
            region: get("region"),
            service: get("service"),
            access_key: get("accessKeyId"),
            secret_key: get("secretAccessKey"),
            session_token: get("sessionToken"),
        })),
        "oauth2" if get("grant_type") == "client_credentials" => {
            Auth::ClientCredentials(Box::new(ClientCredentials {
                url: get("access_token_url"),
                id: get("client_id"),
                secret: get("client_secret"),
                scope: get("scope"),
                audience: String::new(),
                is_in_body: get("credentials_placement") != "basic_auth_header",
            }))
        }
        other => Auth::Other(other.to_owned()),
    })
}

/// Reads the body of this mode.
fn content(blocks: &[Block], mode: &str) -> Content {
    let text = |name: &str| {
        let block = block(blocks, name).or_else(|| block(blocks, "body"));
        block.and_then(Block::text).unwrap_or_default().to_owned()
    };
    let typed = |name: &str, media: &str| match text(name) {
        text if text.trim().is_empty() => Content::None,
        text => Content::Text(text, Some(media.to_owned())),
    };
    match mode {
        "json" => typed("body:json", "application/json"),
        "text" => typed("body:text", "text/plain"),
        "xml" => typed("body:xml", "application/xml"),
        "sparql" => typed("body:sparql", "application/sparql-query"),
        "form-urlencoded" | "formUrlEncoded" => {
            Content::Form(pairs(blocks, "body:form-urlencoded"))
        }
        "multipart-form" | "multipartForm" => {
            let parts = pairs(blocks, "body:multipart-form");
            Content::Multipart(parts.into_iter().map(part).collect())
        }
        "graphql" => Content::GraphQl(GraphQl {
            query: text("body:graphql"),
            variables: block(blocks, "body:graphql:vars")
                .and_then(Block::text)
                .unwrap_or_default()
                .to_owned(),
            operation: String::new(),
        }),
        "file" => match pairs(blocks, "body:file").into_iter().next().map(part) {
            Some(part) => {
                let file = part.files.unwrap_or_default().into_iter().next();
                Content::File(file.unwrap_or_default(), part.media)
            }
            None => Content::None,
        },
        _ => Content::None,
    }
}

/// Reads a field of a form with files: `@file(a.png|b.png) @contentType(image/png)`.
fn part(pair: Pair) -> Part {
    let Pair { name, value } = pair;
    let (value, media) = match value.rsplit_once("@contentType(") {
        Some((value, media)) if media.ends_with(')') => (
            value.trim().to_owned(),
            Some(media[..media.len() - 1].to_owned()),
        ),
        _ => (value, None),
    };
    let files = value
        .strip_prefix("@file(")
        .and_then(|rest| rest.strip_suffix(')'))
        .map(|files| files.split('|').map(str::to_owned).collect());
    Part {
        name,
        text: if files.is_some() {
            String::new()
        } else {
            value
        },
        files,
        media,
    }
}

/// Returns the scripts of a folder or a request.
pub(super) fn scripts(blocks: &[Block], path: &str) -> Vec<Script> {
    let script = |block: &Block| {
        let is_before = match block.name.as_str() {
            "script:pre-request" => true,
            "script:post-response" | "tests" => false,
            _ => return None,
        };
        Some(Script {
            is_before,
            place: format!("{path}, {}", block.name),
            line: block.line,
            text: block.text()?.to_owned(),
        })
    };
    blocks.iter().filter_map(script).collect()
}
