//! HTTP archives (HAR 1.2): what browsers save of their network traffic.
//!
//! Files in the wild lack much of what the format demands, so nothing but a URL is needed here. Each
//! entry is read by itself, and one that can't be read is noted.

mod entry;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::entry::Clock;
use super::note::{Note, Place};
use super::recording::traffic::Recording;

/// The most entries that are noted by themselves.
const MAX_NOTES: usize = 50;

/// The file.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    log: Log<'a>,
}

/// What is in it.
#[derive(Deserialize)]
struct Log<'a> {
    #[serde(borrow, default)]
    pages: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    entries: Option<Vec<&'a RawValue>>,
}

/// A page; `title` and `id` are missing in some files.
#[derive(Default, Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
}

/// Returns whether a text looks like a HAR.
pub(super) fn is_har(text: &str) -> bool {
    let begins = |text: &str, wanted: &str| text.trim_start().strip_prefix(wanted).is_some();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.strip_prefix('{')
        .is_some_and(|rest| begins(rest, "\"log\"") || rest.contains("\"log\""))
        && text.contains("\"entries\"")
}

/// Reads a HAR.
///
/// # Errors
/// If it is not JSON in the form of a HAR, with the reason.
pub(super) fn read(text: &str) -> Result<Recording, String> {
    let text = text.trim_start_matches('\u{feff}');
    let file: File<'_> = serde_json::from_str(text)
        .map_err(|error| format!("it is not in the form of a HAR: {error}"))?;
    let mut recording = Recording::default();
    let mut ids = Vec::new();
    for page in file.log.pages.unwrap_or_default() {
        let page: Page<'_> = serde_json::from_str(page.get()).unwrap_or_default();
        ids.push(page.id.unwrap_or_default().into_owned());
        recording
            .pages
            .push(page.title.unwrap_or_default().into_owned());
    }
    let mut clock = Clock::default();
    let mut broken = 0;
    for (index, raw) in file.log.entries.unwrap_or_default().into_iter().enumerate() {
        let place = format!("entry {}", index + 1);
        match entry::read(raw.get(), &place, &ids, &mut clock) {
            Ok(request) => recording.requests.push(request),
            Err(_) if recording.notes.len() >= MAX_NOTES => broken += 1,
            Err(error) => recording.notes.push(Note {
                place: Place::Part(place),
                message: format!("it is not in the form of a HAR ({error}): left out"),
            }),
        }
    }
    if broken > 0 {
        recording.notes.push(Note {
            place: Place::Part("recording".into()),
            message: format!("{broken} more entries are not in the form of a HAR: left out"),
        });
    }
    if clock.guessed > 0 {
        let guessed = clock.guessed;
        recording.notes.push(Note {
            place: Place::Part("recording".into()),
            message: format!("{guessed} of the entries do not say when they began: they follow the ones before them"),
        });
    }
    Ok(recording)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_lack_much_are_read() {
        let text = "\u{feff}{\"log\": {\"entries\": [
            {\"request\": {\"url\": \"http://a.test/\"}},
            {\"request\": {\"method\": \"POST\", \"url\": \"http://a.test/b\", \"headers\": null, \"postData\": {\"mimeType\": \"text/plain\", \"text\": \"x\"}},
             \"response\": {\"status\": 200, \"content\": {\"text\": \"aMOp\", \"encoding\": \"base64\"}}, \"startedDateTime\": \"2026-11-27T17:00:00.5+01:00\", \"time\": 12.5},
            {\"request\": 7}, {}
        ]}}";
        assert!(is_har(text));
        let recording = read(text).expect("a HAR");
        let [first, second] = recording.requests.as_slice() else {
            panic!("{recording:?}");
        };
        assert_eq!(
            (first.method.as_str(), first.url.as_str()),
            ("GET", "http://a.test/")
        );
        assert!(first.response.is_none());
        let body = second
            .response
            .as_ref()
            .and_then(|response| response.body.as_deref());
        assert_eq!(body, Some("hé"));
        assert_eq!(second.header("content-type"), Some("text/plain"));
        assert_eq!(second.end_us - second.start_us, 12_500);
        assert_eq!(recording.notes.len(), 3, "{:?}", recording.notes);
    }

    #[test]
    fn what_is_no_har_says_why() {
        for (text, part) in [
            ("{\"log\": {\"entries\": [", "not in the form of a HAR: EOF"),
            ("{\"log\": 7, \"entries\": 1}", "invalid type"),
            ("[]", "not in the form of a HAR"),
        ] {
            let why = read(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
        assert!(!is_har(
            "curl 'http://a.test/' -d '{\"log\": {\"entries\": []}}'"
        ));
    }
}
