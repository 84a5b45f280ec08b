//! What a request is for, told by its response and its URL where the recorder does not say it.

use super::traffic::{Kind, Recorded};

/// The endings of static resources, for requests without a response that says more.
const ENDINGS: [(&str, Kind); 19] = [
    ("png", Kind::Image),
    ("jpg", Kind::Image),
    ("jpeg", Kind::Image),
    ("gif", Kind::Image),
    ("svg", Kind::Image),
    ("webp", Kind::Image),
    ("avif", Kind::Image),
    ("ico", Kind::Image),
    ("js", Kind::Script),
    ("mjs", Kind::Script),
    ("css", Kind::Style),
    ("woff", Kind::Font),
    ("woff2", Kind::Font),
    ("ttf", Kind::Font),
    ("otf", Kind::Font),
    ("mp3", Kind::Media),
    ("mp4", Kind::Media),
    ("webm", Kind::Media),
    ("wasm", Kind::Media),
];

/// Returns what a request is for. `path` is that of its URL.
pub(super) fn of_request(request: &Recorded, path: &str) -> Kind {
    let is_upgrade = request
        .header("upgrade")
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if is_upgrade || request.status() == 101 {
        return Kind::WebSocket;
    }
    let response = request.response.as_ref();
    if response.is_some_and(|response| response.media_type() == "text/event-stream") {
        return Kind::EventStream;
    }
    // Browsers say it themselves (Fetch Metadata Request Headers).
    let fetched = request.header("sec-fetch-dest").and_then(of_destination);
    let known = request.kind.or(fetched);
    known.unwrap_or_else(|| of_media_type(request, path))
}

/// Returns what `sec-fetch-dest` says.
fn of_destination(destination: &str) -> Option<Kind> {
    Some(match destination {
        "document" | "iframe" | "frame" => Kind::Document,
        "empty" => Kind::Call,
        "image" => Kind::Image,
        "script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet"
        | "paintworklet" => Kind::Script,
        "style" | "xslt" => Kind::Style,
        "font" => Kind::Font,
        "audio" | "video" | "track" | "manifest" | "object" | "embed" => Kind::Media,
        _ => return None,
    })
}

/// Returns what the content type of the response says, or otherwise the end of the path.
fn of_media_type(request: &Recorded, path: &str) -> Kind {
    let media = request.response.as_ref().map(|answer| answer.media_type());
    let media = media.unwrap_or_default();
    let is_get = request.method == "GET";
    if media == "text/html" || media == "application/xhtml+xml" {
        let is_script = request.header("x-requested-with").is_some();
        return if is_script {
            Kind::Call
        } else {
            Kind::Document
        };
    }
    if !is_get {
        return Kind::Call;
    }
    if media.starts_with("image/") {
        return Kind::Image;
    }
    if media.starts_with("font/") || media.contains("font-woff") {
        return Kind::Font;
    }
    if media.starts_with("audio/") || media.starts_with("video/") {
        return Kind::Media;
    }
    match media.as_str() {
        "text/css" => Kind::Style,
        "application/wasm" | "application/manifest+json" => Kind::Media,
        _ if media.ends_with("/javascript") || media.ends_with("/x-javascript") => Kind::Script,
        "" | "application/octet-stream" | "text/plain" => of_ending(path),
        _ => Kind::Call,
    }
}

fn of_ending(path: &str) -> Kind {
    let file = path.rsplit('/').next().unwrap_or_default();
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    let ending = ending.unwrap_or_default().to_ascii_lowercase();
    let known = ENDINGS.iter().find(|(known, _)| *known == ending);
    known.map_or(Kind::Call, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::recording::traffic::Response;

    #[test]
    fn a_request_is_what_the_browser_says_or_what_the_response_looks_like() {
        let of = |headers: &[(&str, &str)], media: &str, path: &str| {
            let pairs = |pairs: &[(&str, &str)]| {
                let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
                pairs.iter().map(pair).collect()
            };
            let request = Recorded {
                method: "GET".into(),
                headers: pairs(headers),
                response: Some(Response {
                    status: 200,
                    headers: pairs(&[("content-type", media)]),
                    body: None,
                }),
                ..Recorded::default()
            };
            of_request(&request, path)
        };
        for (headers, media, path, kind) in [
            (&[][..], "text/html; charset=utf-8", "/", Kind::Document),
            (
                &[("x-requested-with", "XMLHttpRequest")],
                "text/html",
                "/",
                Kind::Call,
            ),
            (&[("sec-fetch-dest", "empty")], "text/html", "/", Kind::Call),
            (
                &[("sec-fetch-dest", "style")],
                "text/plain",
                "/a",
                Kind::Style,
            ),
            (
                &[("sec-fetch-dest", "empty")],
                "text/event-stream; charset=utf-8",
                "/a",
                Kind::EventStream,
            ),
            (&[], "image/png", "/a", Kind::Image),
            (&[], "application/json", "/a.png", Kind::Call),
            (&[], "text/javascript", "/a", Kind::Script),
            (&[], "", "/a/b.WOFF2", Kind::Font),
            (&[], "", "/a/b", Kind::Call),
            (&[("upgrade", "WebSocket")], "", "/", Kind::WebSocket),
        ] {
            assert_eq!(of(headers, media, path), kind, "{headers:?} {media} {path}");
        }
    }
}
