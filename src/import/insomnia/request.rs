//! Requests of Insomnia.

use serde_json::{Map, Value};

use super::script::scripts;
use crate::import::collection::form::{
    Auth, Aws, Call, ClientCredentials, Content, GraphQl, Pair, Part,
};
use crate::import::members::{flag, list, text};

/// Reads a request; `None` if it is not one over HTTP.
pub(super) fn call(members: &Map<String, Value>, name: String, place: String) -> Option<Call> {
    let mut url = text(members, "url")?;
    let method = text(members, "method")?;
    for Pair { name, value } in pairs(members, "parameters") {
        let mark = if url.contains('?') { '&' } else { '?' };
        // What would divide the query otherwise is a part of the name or the value.
        let escaped = |text: &str| text.replace('&', "%26").replace('#', "%23");
        url.push_str(&format!("{mark}{}={}", escaped(&name), escaped(&value)));
    }
    let mut call = Call {
        scripts: scripts(members, &place),
        segments: pairs(members, "pathParameters"),
        headers: pairs(members, "headers"),
        auth: auth(members.get("authentication")),
        keeps_body: true,
        name,
        place,
        method,
        url,
        ..Call::default()
    };
    if let Some(body) = members.get("body").and_then(Value::as_object) {
        content(body, &mut call);
    }
    let follows = members
        .get("settings")
        .and_then(|settings| settings.get("followRedirects"));
    match follows.and_then(Value::as_str) {
        Some("off") => call.redirects = Some(0),
        _ if follows == Some(&Value::Bool(false)) => call.redirects = Some(0),
        _ => {}
    }
    Some(call)
}

/// Returns the pairs of a list that are switched on.
pub(super) fn pairs(members: &Map<String, Value>, name: &str) -> Vec<Pair> {
    let pair = |pair: &Value| {
        let pair = pair.as_object().filter(|pair| !flag(pair, "disabled"))?;
        let name = text(pair, "name").filter(|name| !name.is_empty())?;
        Some(Pair::new(name, text(pair, "value").unwrap_or_default()))
    };
    list(members, name).filter_map(pair).collect()
}

/// Reads authentication.
pub(super) fn auth(value: Option<&Value>) -> Option<Auth> {
    let members = value?.as_object()?;
    let kind = text(members, "type")?;
    if flag(members, "disabled") {
        return Some(Auth::None);
    }
    let get = |name: &str| text(members, name).unwrap_or_default();
    Some(match kind.as_str() {
        "none" => Auth::None,
        "basic" => Auth::Basic(Pair::new(get("username"), get("password"))),
        "digest" => Auth::Digest(Pair::new(get("username"), get("password"))),
        "bearer" if matches!(get("prefix").as_str(), "" | "Bearer") => Auth::Bearer(get("token")),
        "bearer" => Auth::Header(Pair::new(
            "authorization",
            format!("{} {}", get("prefix"), get("token")),
        )),
        "apikey" => match get("addTo").as_str() {
            "queryParams" => Auth::Query(Pair::new(get("key"), get("value"))),
            "cookie" => Auth::Header(Pair::new(
                "cookie",
                format!("{}={}", get("key"), get("value")),
            )),
            _ => Auth::Header(Pair::new(get("key"), get("value"))),
        },
        "iam" => Auth::Aws(Box::new(Aws {
            region: get("region"),
            service: get("service"),
            access_key: get("accessKeyId"),
            secret_key: get("secretAccessKey"),
            session_token: get("sessionToken"),
        })),
        "oauth2" if get("grantType") == "client_credentials" => {
            Auth::ClientCredentials(Box::new(ClientCredentials {
                url: get("accessTokenUrl"),
                id: get("clientId"),
                secret: get("clientSecret"),
                scope: get("scope"),
                audience: get("audience"),
                is_in_body: flag(members, "credentialsInBody"),
            }))
        }
        _ => Auth::Other(kind),
    })
}

fn content(body: &Map<String, Value>, call: &mut Call) {
    let kind = text(body, "mimeType").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_owned();
    let content = text(body, "text").filter(|text| !text.is_empty());
    call.content = match essence.as_str() {
        "application/x-www-form-urlencoded" => Content::Form(pairs(body, "params")),
        "multipart/form-data" => {
            Content::Multipart(list(body, "params").filter_map(part).collect())
        }
        "application/octet-stream" if content.is_none() => {
            let file = text(body, "fileName").unwrap_or_default();
            if file.is_empty() {
                Content::None
            } else {
                Content::File(file, Some(kind))
            }
        }
        "application/graphql" => {
            let asked = content.unwrap_or_default();
            match serde_json::from_str::<Value>(&asked) {
                Ok(Value::Object(asked)) => Content::GraphQl(GraphQl {
                    query: text(&asked, "query").unwrap_or_default(),
                    variables: match asked.get("variables") {
                        Some(Value::Null) | None => String::new(),
                        Some(Value::String(text)) => text.clone(),
                        Some(value) => value.to_string(),
                    },
                    operation: text(&asked, "operationName").unwrap_or_default(),
                }),
                _ => Content::Text(asked, Some("application/json".into())),
            }
        }
        _ => match content {
            Some(text) => Content::Text(text, Some(kind).filter(|kind| !kind.is_empty())),
            None => Content::None,
        },
    };
}

/// Reads a field of a form with files.
fn part(part: &Value) -> Option<Part> {
    let part = part.as_object().filter(|part| !flag(part, "disabled"))?;
    let is_file = text(part, "type").as_deref() == Some("file");
    Some(Part {
        name: text(part, "name").filter(|name| !name.is_empty())?,
        text: text(part, "value").unwrap_or_default(),
        files: is_file.then(|| vec![text(part, "fileName").unwrap_or_default()]),
        media: text(part, "contentType"),
    })
}
