//! The order of requests in time: what was sent one after the other, what at the same time, and
//! the pauses between.

use super::select::Kept;
use super::traffic::Kind;

/// Longer pauses are those of somebody who was away.
const MAX_PAUSE_S: u64 = 600;

/// Requests that were under way at the same time, or a single one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The indices of the requests.
    pub requests: Vec<usize>,
    /// The pause before it.
    pub think: Option<String>,
    /// The index of its page.
    pub page: Option<usize>,
}

/// Arranges requests, which are in the order in which they began.
///
/// Those of a batch were all sent before the first response came, so that none of them can depend on
/// the response to another. A page is a batch of its own, because what it consists of is asked for
/// while it still arrives.
pub(super) fn arrange(kept: &[Kept<'_>]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    // When the first response of the last batch came.
    let mut first_head = 0;
    let mut page = None;
    let mut is_page = true;
    for (index, kept) in kept.iter().enumerate() {
        let request = kept.recorded;
        // A WebSocket is open for as long as its messages need.
        let head = match kept.kind {
            Kind::WebSocket => request.start_us,
            _ => request.head_us.max(request.start_us),
        };
        // What an earlier page still asks for belongs to where the user is.
        page = page.max(request.page);
        let is_same = batches.last().is_some_and(|batch| batch.page == page);
        let overlaps = is_same && !is_page && request.start_us < first_head;
        if overlaps && kept.kind != Kind::Document {
            if let Some(batch) = batches.last_mut() {
                batch.requests.push(index);
            }
            first_head = first_head.min(head);
        } else {
            // The pause before the first request is that of whoever began to record.
            let pause = Some(kept.pause_us).filter(|pause| index > 0 && *pause > 0);
            batches.push(Batch {
                requests: vec![index],
                think: pause.map(rounded),
                page,
            });
            first_head = head;
            is_page = kept.kind == Kind::Document;
        }
    }
    batches
}

/// Returns a pause as a person would write it.
pub(super) fn rounded(pause_us: u64) -> String {
    let nearest = |step_ms: u64| (pause_us / 1000 + step_ms / 2) / step_ms * step_ms;
    let ms = match pause_us {
        0..1_000_000 => nearest(100),
        1_000_000..10_000_000 => nearest(500),
        10_000_000..60_000_000 => nearest(1000),
        _ => nearest(5000).min(MAX_PAUSE_S * 1000),
    };
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    match (minutes, seconds, rest) {
        (0, 0, rest) => format!("{rest}ms"),
        (0, seconds, 0) => format!("{seconds}s"),
        (0, seconds, rest) => format!("{seconds}.{}s", rest / 100),
        (minutes, 0, _) => format!("{minutes}m"),
        (minutes, seconds, _) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::recording::traffic::Recorded;
    use crate::import::recording::url::Url;

    #[test]
    fn pauses_are_round() {
        for (ms, text) in [
            (100, "100ms"),
            (149, "100ms"),
            (960, "1s"),
            (1300, "1.5s"),
            (9990, "10s"),
            (12_345, "12s"),
            (59_800, "1m"),
            (93_000, "1m35s"),
            (u64::MAX / 1000, "10m"),
        ] {
            assert_eq!(rounded(ms * 1000), text, "{ms}");
        }
    }

    #[test]
    fn requests_of_a_batch_are_all_sent_before_the_first_response() {
        // Each with its page, whether it is one, and its times in ms.
        let arranged = |requests: &[(usize, bool, u64, u64)]| {
            let recorded: Vec<(Recorded, Kind)> = requests
                .iter()
                .map(|(page, is_page, start, end)| {
                    let request = Recorded {
                        page: Some(*page),
                        start_us: start * 1000,
                        head_us: end * 1000,
                        ..Recorded::default()
                    };
                    (request, if *is_page { Kind::Document } else { Kind::Call })
                })
                .collect();
            let kept: Vec<Kept<'_>> = recorded
                .iter()
                .map(|(recorded, kind)| Kept {
                    recorded,
                    kind: *kind,
                    url: Url::default(),
                    // What begins after two seconds comes after a pause.
                    pause_us: recorded.start_us / 2_000_000 * 1_100_000,
                    notes: Vec::new(),
                })
                .collect();
            let batch = |batch: Batch| (batch.requests, batch.think.unwrap_or_default());
            arrange(&kept).into_iter().map(batch).collect::<Vec<_>>()
        };
        let batch = |requests: &[usize], think: &str| (requests.to_vec(), think.to_owned());
        // A page is still arriving when its scripts begin; 3 begins when 1 is there.
        assert_eq!(
            arranged(&[
                (0, true, 0, 50),
                (0, false, 20, 60),
                (0, false, 30, 90),
                (0, false, 70, 80)
            ]),
            [batch(&[0], ""), batch(&[1, 2], ""), batch(&[3], "")]
        );
        // A new page ends a batch.
        assert_eq!(
            arranged(&[
                (0, false, 0, 900),
                (1, true, 100, 200),
                (0, false, 210, 300),
                (1, false, 2000, 2100)
            ]),
            [
                batch(&[0], ""),
                batch(&[1], ""),
                batch(&[2], ""),
                batch(&[3], "1s")
            ]
        );
    }
}
