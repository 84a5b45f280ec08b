//! Requests of a collection of Postman.

use serde_json::{Map, Value};

use super::script::scripts;
use crate::import::collection::form::{
    Auth, Aws, Call, Certificate, ClientCredentials, Content, GraphQl, Pair, Part,
};
use crate::import::members::{flag, list, of_value, text};

/// Reads a request; `None` if the item is not one.
pub(super) fn call(item: &Map<String, Value>, name: String, place: String) -> Option<Call> {
    let mut call = Call {
        scripts: scripts(item, &place),
        name,
        place,
        ..Call::default()
    };
    match item.get("request")? {
        // A request may be only its URL.
        Value::String(url) => call.url.clone_from(url),
        Value::Object(request) => details(request, &mut call),
        _ => return None,
    }
    behavior(item, &mut call);
    call.examples = list(item, "response")
        .filter_map(|response| response.get("code")?.as_u64())
        .filter(|code| (100..600).contains(code))
        .filter_map(|code| u16::try_from(code).ok())
        .collect();
    Some(call)
}

fn details(request: &Map<String, Value>, call: &mut Call) {
    call.method = text(request, "method").unwrap_or_default();
    if let Some(address) = request.get("url") {
        url(address, call);
    }
    call.headers = match request.get("header") {
        Some(Value::String(lines)) => lines
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| Pair::new(name.trim(), value.trim()))
            .collect(),
        _ => pairs(request, "header"),
    };
    call.auth = auth(request.get("auth"));
    if let Some(body) = request.get("body").and_then(Value::as_object) {
        content(body, call);
    }
    let given = |key: &str| {
        let own = request.get(key).and_then(Value::as_object);
        own.filter(|own| !own.is_empty())
    };
    if given("proxy").is_some() {
        let note = "the proxy is not carried over: write `http: { proxy: … }` for the target";
        call.notes.push(note.into());
    }
    call.certificate = given("certificate").map(certificate);
}

/// Returns a client certificate, which has the hosts that the request is sent to.
fn certificate(own: &Map<String, Value>) -> Certificate {
    let path = |key: &str| {
        let file = own.get(key).and_then(Value::as_object);
        file.and_then(|file| text(file, "src")).unwrap_or_default()
    };
    Certificate {
        domain: "*".into(),
        cert: path("cert"),
        key: path("key"),
        has_passphrase: text(own, "passphrase").is_some_and(|text| !text.is_empty()),
    }
}

/// Returns the pairs of a list that are switched on.
fn pairs(members: &Map<String, Value>, name: &str) -> Vec<Pair> {
    let pair = |pair: &Value| {
        let pair = pair.as_object().filter(|pair| !flag(pair, "disabled"))?;
        Some(Pair::new(
            text(pair, "key")?,
            text(pair, "value").unwrap_or_default(),
        ))
    };
    list(members, name).filter_map(pair).collect()
}

/// Puts a URL together from its parts, of which those that are switched off are not in its text.
fn url(value: &Value, call: &mut Call) {
    let parts = match value {
        Value::String(url) => {
            call.url.clone_from(url);
            return;
        }
        Value::Object(parts) => parts,
        _ => return,
    };
    call.segments = list(parts, "variable")
        .filter_map(Value::as_object)
        .filter_map(|pair| {
            let name = text(pair, "key").or_else(|| text(pair, "id"))?;
            Some(Pair::new(name, text(pair, "value").unwrap_or_default()))
        })
        .collect();
    let joined = |name: &str, separator: &str| match parts.get(name) {
        Some(Value::Array(items)) => {
            let item =
                |item: &Value| of_value(item.get("value").unwrap_or(item)).unwrap_or_default();
            let items: Vec<String> = items.iter().map(item).collect();
            Some(items.join(separator))
        }
        Some(value) => of_value(value),
        None => None,
    };
    let Some(host) = joined("host", ".") else {
        call.url = text(parts, "raw").unwrap_or_default();
        return;
    };
    if let Some(protocol) = text(parts, "protocol").filter(|protocol| !protocol.is_empty()) {
        call.url = format!("{}://", protocol.trim_end_matches("://"));
    }
    call.url.push_str(&host);
    if let Some(port) = text(parts, "port").filter(|port| !port.is_empty()) {
        call.url.push_str(&format!(":{port}"));
    }
    if let Some(path) = joined("path", "/") {
        call.url
            .push_str(&format!("/{}", path.strip_prefix('/').unwrap_or(&path)));
    }
    let query = match parts.get("query") {
        Some(Value::String(query)) => query.clone(),
        _ => query(parts),
    };
    if !query.is_empty() {
        call.url.push_str(&format!("?{query}"));
    }
}

fn query(parts: &Map<String, Value>) -> String {
    let pair = |pair: &Value| {
        let pair = pair.as_object().filter(|pair| !flag(pair, "disabled"))?;
        // What would divide the query otherwise is a part of the name or the value.
        let escaped = |text: String| text.replace('&', "%26").replace('#', "%23");
        let name = escaped(text(pair, "key").unwrap_or_default()).replace('=', "%3D");
        Some(match text(pair, "value") {
            Some(value) => format!("{name}={}", escaped(value)),
            None => name,
        })
    };
    let pairs: Vec<String> = list(parts, "query").filter_map(pair).collect();
    pairs.join("&")
}

/// Reads authentication. Its parameters are a list in version 2.1, and an object in 2.0.
pub(super) fn auth(value: Option<&Value>) -> Option<Auth> {
    let members = value?.as_object()?;
    let kind = text(members, "type")?;
    let parameters: Vec<Pair> = match members.get(&kind) {
        Some(Value::Array(_)) => pairs(members, &kind),
        Some(Value::Object(own)) => own
            .iter()
            .filter_map(|(name, value)| Some(Pair::new(name, of_value(value)?)))
            .collect(),
        _ => Vec::new(),
    };
    let get = |name: &str| {
        let pair = parameters.iter().find(|pair| pair.name == name);
        pair.map(|pair| pair.value.clone()).unwrap_or_default()
    };
    Some(match kind.as_str() {
        "noauth" => Auth::None,
        "basic" => Auth::Basic(Pair::new(get("username"), get("password"))),
        "digest" => Auth::Digest(Pair::new(get("username"), get("password"))),
        "bearer" => Auth::Bearer(get("token")),
        "apikey" => {
            let pair = Pair::new(get("key"), get("value"));
            if get("in") == "query" {
                Auth::Query(pair)
            } else {
                Auth::Header(pair)
            }
        }
        "awsv4" => Auth::Aws(Box::new(Aws {
            region: or(get("region"), "us-east-1"),
            service: or(get("service"), "execute-api"),
            access_key: get("accessKey"),
            secret_key: get("secretKey"),
            session_token: get("sessionToken"),
        })),
        "oauth2" if get("grant_type") == "client_credentials" => {
            Auth::ClientCredentials(Box::new(ClientCredentials {
                url: get("accessTokenUrl"),
                id: get("clientId"),
                secret: get("clientSecret"),
                scope: get("scope"),
                audience: get("audience"),
                is_in_body: get("client_authentication") == "body",
            }))
        }
        "oauth2" if !get("accessToken").is_empty() && get("addTokenTo") != "queryParams" => {
            Auth::Bearer(get("accessToken"))
        }
        _ => Auth::Other(kind),
    })
}

fn or(value: String, default: &str) -> String {
    if value.is_empty() {
        default.to_owned()
    } else {
        value
    }
}

fn content(body: &Map<String, Value>, call: &mut Call) {
    if flag(body, "disabled") {
        return;
    }
    let mode = text(body, "mode").unwrap_or_default();
    call.content = match mode.as_str() {
        "raw" => {
            let language = body
                .get("options")
                .and_then(|options| options.pointer("/raw/language"))
                .and_then(Value::as_str);
            let media = match language {
                Some("json") => "application/json",
                Some("xml") => "application/xml",
                Some("html") => "text/html",
                Some("javascript") => "application/javascript",
                _ => "text/plain",
            };
            match text(body, "raw").filter(|text| !text.is_empty()) {
                Some(text) => Content::Text(text, Some(media.into())),
                None => Content::None,
            }
        }
        "urlencoded" => match body.get("urlencoded") {
            Some(Value::String(text)) => Content::Text(
                text.clone(),
                Some("application/x-www-form-urlencoded".into()),
            ),
            _ => Content::Form(pairs(body, "urlencoded")),
        },
        "formdata" => Content::Multipart(list(body, "formdata").filter_map(part).collect()),
        "file" => match body.get("file") {
            Some(Value::String(path)) => Content::File(path.clone(), None),
            Some(Value::Object(file)) if !text(file, "content").unwrap_or_default().is_empty() => {
                Content::Text(text(file, "content").unwrap_or_default(), None)
            }
            Some(Value::Object(file)) => Content::File(text(file, "src").unwrap_or_default(), None),
            _ => Content::None,
        },
        "graphql" => match body.get("graphql") {
            Some(Value::Object(asked)) => Content::GraphQl(GraphQl {
                query: text(asked, "query").unwrap_or_default(),
                variables: match asked.get("variables") {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Null) | None => String::new(),
                    Some(value) => value.to_string(),
                },
                operation: text(asked, "operationName").unwrap_or_default(),
            }),
            _ => Content::None,
        },
        "" => Content::None,
        other => {
            let other = other.escape_debug();
            call.notes
                .push(format!("a body of the kind `{other}` is not carried over"));
            Content::None
        }
    };
}

/// Reads a field of a form with files.
fn part(part: &Value) -> Option<Part> {
    let part = part.as_object().filter(|part| !flag(part, "disabled"))?;
    let is_file = text(part, "type").as_deref() == Some("file");
    let files = match part.get("src") {
        Some(Value::Array(all)) => all.iter().filter_map(of_value).collect(),
        Some(value) => of_value(value).into_iter().collect(),
        None => Vec::new(),
    };
    Some(Part {
        name: text(part, "key")?,
        text: text(part, "value").unwrap_or_default(),
        files: is_file.then(|| {
            if files.is_empty() {
                vec![String::new()]
            } else {
                files
            }
        }),
        media: text(part, "contentType").filter(|media| !media.is_empty()),
    })
}

/// Reads how the request is sent.
fn behavior(item: &Map<String, Value>, call: &mut Call) {
    let Some(own) = item
        .get("protocolProfileBehavior")
        .and_then(Value::as_object)
    else {
        return;
    };
    for (key, value) in own {
        match (key.as_str(), value) {
            ("disableBodyPruning", value) => call.keeps_body = value == &Value::Bool(true),
            ("followRedirects", Value::Bool(false)) => call.redirects = Some(0),
            ("followRedirects", Value::Bool(true)) => {}
            ("maxRedirects", value) if call.redirects != Some(0) => {
                let most = value.as_u64().and_then(|most| u32::try_from(most).ok());
                call.redirects = most.or(call.redirects);
            }
            ("strictSSL", Value::Bool(is_strict)) => call.is_insecure = !is_strict,
            // These are what loadgen does.
            (
                "disableUrlEncoding" | "followOriginalHttpMethod" | "disableCookies",
                Value::Bool(false),
            )
            | ("maxRedirects" | "protocolVersion", _)
                if value != "http2" => {}
            (key, _) => {
                let key = key.escape_debug();
                call.notes.push(format!("`{key}` is not carried over"));
            }
        }
    }
}
