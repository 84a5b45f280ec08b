//! The messages of a WebSocket, as the steps of its flow.

use super::arrange::rounded;
use super::select::counted;
use super::traffic::Message;
use crate::import::yaml::Yaml;

/// The most messages of a WebSocket that are sent.
const MAX_SENT: usize = 200;
/// Shorter pauses are those of the script.
const MIN_PAUSE_US: u64 = 100_000;

/// Returns the steps of the messages of a WebSocket, and what could not be carried over of them. `template`
/// makes the template of a text.
///
/// A message that came after one was sent answers it. Of several in a row, the first is waited for: the
/// others need not come, or not as many.
pub(super) fn steps(
    messages: &[Message],
    mut template: impl FnMut(&str) -> String,
) -> (Vec<Yaml>, Vec<String>) {
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    let (mut sent, mut left_out, mut not_text) = (0, 0, 0);
    // When the last message passed, and whether it came.
    let mut last: Option<(u64, bool)> = None;
    let mut messages = messages.iter().peekable();
    while let Some(message) = messages.next() {
        let before = last.replace((message.at_us, !message.is_sent));
        if !message.is_sent {
            if before.is_none() {
                steps.push(Yaml::map([("receive", any())]));
            }
            continue;
        }
        let Some(text) = message.sent() else {
            not_text += 1;
            continue;
        };
        sent += 1;
        if sent > MAX_SENT {
            left_out += 1;
            continue;
        }
        let pause = before.map_or(0, |(at, _)| message.at_us.saturating_sub(at));
        if pause >= MIN_PAUSE_US {
            steps.push(Yaml::map([("think", Yaml::plain(rounded(pause)))]));
        }
        let mut keys = vec![("send", Yaml::text(template(text)))];
        if messages.peek().is_some_and(|next| !next.is_sent) {
            keys.push(("receive", any()));
        }
        steps.push(Yaml::map(keys));
    }
    if not_text > 0 {
        let count = counted(not_text, "message that is", "messages that are");
        notes.push(format!("left out {count} not text"));
    }
    if left_out > 0 {
        let count = counted(left_out, "message", "messages");
        notes.push(format!(
            "left out the last {count}: a flow would be too long"
        ));
    }
    (steps, notes)
}

/// Returns what fits any message.
fn any() -> Yaml {
    Yaml::map([("matches", Yaml::text(".*"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_sent_and_its_answer_waited_for() {
        let message = |is_sent, at_ms: u64, text: &str| Message {
            is_sent,
            at_us: at_ms * 1000,
            text: Some(text.to_owned()).filter(|text| !text.is_empty()),
        };
        let all = [
            message(false, 0, "welcome"),
            message(false, 10, "news"),
            message(true, 2010, "hello"),
            message(false, 2020, "hi"),
            message(false, 2030, "news"),
            message(true, 2040, "{\"a\": 1}"),
            message(true, 2050, ""),
            message(true, 2060, "bye"),
        ];
        let (steps, notes) = steps(&all, |text| text.replace("hello", "{{greeting}}"));
        let written = Yaml::List(steps).document();
        assert_eq!(
            written,
            "- receive: { matches: \".*\" }\n\
             - think: 2s\n\
             - send: \"{{greeting}}\"\n  receive: { matches: \".*\" }\n\
             - send: \"{\\\"a\\\": 1}\"\n\
             - send: bye\n"
        );
        assert_eq!(notes, ["left out 1 message that is not text"]);
    }

    #[test]
    fn a_long_conversation_is_cut() {
        let message = |at| Message {
            is_sent: true,
            at_us: at,
            text: Some("x".into()),
        };
        let all: Vec<Message> = (0..MAX_SENT as u64 + 7).map(message).collect();
        let (steps, notes) = steps(&all, str::to_owned);
        assert_eq!(steps.len(), MAX_SENT);
        assert_eq!(
            notes,
            ["left out the last 7 messages: a flow would be too long"]
        );
    }
}
