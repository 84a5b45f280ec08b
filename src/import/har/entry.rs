//! An entry of a HAR.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use serde::Deserialize;

use crate::import::recording::traffic::{Field, Kind, Message, Payload, Recorded, Response};

/// How much later than its stamp a request may have been sent, in microseconds: stamps are cut to
/// milliseconds.
const STAMP_US: u64 = 1000;

/// When entries began and ended, for those that do not say it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// When the last entry had ended, in microseconds since 1970.
    last_us: u64,
    /// How many entries do not say when they began.
    pub guessed: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    time: Option<f64>,
    timings: Option<Timings>,
    pageref: Option<String>,
    request: Request,
    response: Option<Answer>,
    #[serde(rename = "_resourceType")]
    resource_type: Option<String>,
    #[serde(rename = "_fromCache")]
    from_cache: Option<String>,
    #[serde(rename = "_webSocketMessages")]
    messages: Option<Vec<Frame>>,
}

#[derive(Deserialize)]
struct Frame {
    r#type: Option<String>,
    time: Option<f64>,
    opcode: Option<f64>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Timings {
    receive: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: Option<String>,
    url: String,
    headers: Option<Vec<Pair>>,
    cookies: Option<Vec<Pair>>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: Option<String>,
    text: Option<String>,
    params: Option<Vec<Param>>,
    encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Param {
    #[serde(default)]
    name: String,
    value: Option<String>,
    file_name: Option<String>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: Option<f64>,
    headers: Option<Vec<Pair>>,
    cookies: Option<Vec<Pair>>,
    content: Option<Content>,
    #[serde(rename = "_error")]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    mime_type: Option<String>,
    text: Option<String>,
    encoding: Option<String>,
}

/// Reads an entry. `pages` are the identifiers of the pages.
///
/// # Errors
/// If it is not in the form of an entry.
pub(super) fn read(
    text: &str,
    place: &str,
    pages: &[String],
    clock: &mut Clock,
) -> Result<Recorded, serde_json::Error> {
    let entry: Entry = serde_json::from_str(text)?;
    let began = entry.started_date_time.as_deref().and_then(microseconds);
    clock.guessed += usize::from(began.is_none());
    let start_us = began.unwrap_or(clock.last_us);
    let taken = entry.time.filter(|time| *time > 0.0).unwrap_or_default();
    let received = entry.timings.and_then(|timings| timings.receive);
    let received = received.filter(|time| *time > 0.0).unwrap_or_default();
    // The conversions saturate.
    let end_us = start_us.saturating_add((taken * 1000.0) as u64);
    let head_us = end_us.saturating_sub((received * 1000.0) as u64);
    // The next request may have been sent later than its stamp says, after this response.
    let head_us = head_us.saturating_sub(STAMP_US).max(start_us);
    clock.last_us = end_us;
    let page = entry.pageref.as_deref();
    let page = page.and_then(|id| pages.iter().position(|known| known == id));
    let answer = entry.response;
    let failure = answer.as_ref().and_then(|answer| answer.error.clone());
    let mut request = Recorded {
        place: place.to_owned(),
        start_us,
        head_us,
        end_us,
        page,
        kind: entry.resource_type.as_deref().and_then(kind),
        method: entry.request.method.unwrap_or_else(|| "GET".into()),
        url: entry.request.url,
        headers: pairs(entry.request.headers),
        body: Payload::None,
        response: answer.and_then(response),
        failure: failure.filter(|error| !error.is_empty()),
        is_cached: entry.from_cache.is_some_and(|cache| !cache.is_empty()),
        messages: entry.messages.into_iter().flatten().map(message).collect(),
    };
    let cookies = entry.request.cookies.unwrap_or_default();
    if request.header("cookie").is_none() && !cookies.is_empty() {
        let pairs: Vec<String> = cookies
            .into_iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value.unwrap_or_default()))
            .collect();
        request.headers.push(("cookie".into(), pairs.join("; ")));
    }
    if let Some(data) = entry.request.post_data {
        let kind = data.mime_type.clone().filter(|kind| !kind.is_empty());
        let kind = kind.filter(|_| request.header("content-type").is_none());
        request
            .headers
            .extend(kind.map(|kind| ("content-type".into(), kind)));
        request.body = payload(data);
    }
    Ok(request)
}

/// Returns a message of a WebSocket, whose text has the opcode 1 (RFC 6455, section 5.2).
fn message(frame: Frame) -> Message {
    let is_text = frame.opcode.is_none_or(|opcode| opcode == 1.0);
    Message {
        is_sent: frame.r#type.as_deref() == Some("send"),
        // The conversion saturates.
        at_us: (frame.time.unwrap_or_default() * 1e6) as u64,
        text: frame.data.filter(|_| is_text),
    }
}

/// Returns a time in microseconds since 1970.
fn microseconds(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_microsecond()).ok()
}

/// Returns headers with names in lower case.
fn pairs(pairs: Option<Vec<Pair>>) -> Vec<(String, String)> {
    let pair = |pair: Pair| {
        (
            pair.name.to_ascii_lowercase(),
            pair.value.unwrap_or_default(),
        )
    };
    pairs.unwrap_or_default().into_iter().map(pair).collect()
}

fn payload(data: PostData) -> Payload {
    let params = data.params.unwrap_or_default();
    let text = data.text.filter(|text| !text.is_empty());
    match text {
        Some(text) if data.encoding.as_deref() == Some("base64") => {
            match STANDARD.decode(text.trim()).map(String::from_utf8) {
                Ok(Ok(text)) => Payload::Text(text),
                Ok(Err(error)) => Payload::Bytes(error.into_bytes()),
                Err(error) => Payload::Unknown(format!("it is not base64: {error}")),
            }
        }
        Some(text) => Payload::Text(text),
        None if params.is_empty() => Payload::None,
        None if params.iter().any(|param| param.file_name.is_some())
            || data
                .mime_type
                .is_some_and(|kind| kind.starts_with("multipart/")) =>
        {
            let field = |param: Param| Field {
                name: param.name,
                value: param.value.unwrap_or_default().into_bytes(),
                file: param.file_name.filter(|name| !name.is_empty()),
                content_type: param.content_type.filter(|kind| !kind.is_empty()),
            };
            Payload::Fields(params.into_iter().map(field).collect())
        }
        None => {
            let mut text = Serializer::new(String::new());
            for param in &params {
                text.append_pair(&param.name, param.value.as_deref().unwrap_or_default());
            }
            Payload::Text(text.finish())
        }
    }
}

fn response(answer: Answer) -> Option<Response> {
    // Numbers that are not statuses become 0.
    let status = answer.status.unwrap_or_default() as u16;
    let mut headers = pairs(answer.headers);
    let has =
        |headers: &[(String, String)], wanted: &str| headers.iter().any(|(name, _)| name == wanted);
    if !has(&headers, "set-cookie") {
        let cookies = answer.cookies.unwrap_or_default().into_iter();
        headers.extend(cookies.map(|cookie| {
            let value = cookie.value.unwrap_or_default();
            ("set-cookie".to_owned(), format!("{}={value}", cookie.name))
        }));
    }
    let mut body = None;
    if let Some(content) = answer.content {
        let kind = content.mime_type.filter(|kind| !kind.is_empty());
        let kind = kind.filter(|_| !has(&headers, "content-type"));
        headers.extend(kind.map(|kind| ("content-type".into(), kind)));
        body = content
            .text
            .and_then(|text| match content.encoding.as_deref() {
                Some("base64") => plain(&text),
                _ => Some(text),
            });
    }
    (status > 0).then_some(Response {
        status,
        headers,
        body,
    })
}

/// Returns the text in base64, if it is text.
fn plain(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

/// Returns what a request is for, as Chromium says it.
fn kind(resource_type: &str) -> Option<Kind> {
    Some(match resource_type {
        "document" => Kind::Document,
        "xhr" | "fetch" | "eventsource" | "ping" | "preflight" => Kind::Call,
        "image" => Kind::Image,
        "script" => Kind::Script,
        "stylesheet" => Kind::Style,
        "font" => Kind::Font,
        "media" | "manifest" | "texttrack" => Kind::Media,
        "websocket" => Kind::WebSocket,
        _ => return None,
    })
}
