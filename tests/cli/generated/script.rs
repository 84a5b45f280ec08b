//! [`Hop`]: the peer's handling of one request. The request's path specifies it, so that a scenario
//! is self-contained: `/s3/delay-5/redirect/status-503` waits for 5 ms and redirects to
//! `/s3/status-503`.

use std::time::Duration;

/// The behaviour of a target apart from its paths, identified by the target's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    /// Always listens, and closes a connection only after announcing it.
    Steady,
    /// Closes kept connections without announcing it.
    Fickle,
    /// Listens until a path says `leave`.
    Leaving,
    /// Does not listen.
    Gone,
    /// Accepts no connection, and its backlog is full.
    Deaf,
}

impl Manner {
    pub(super) const ALL: [Self; 5] = [
        Self::Steady,
        Self::Fickle,
        Self::Leaving,
        Self::Gone,
        Self::Deaf,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Fickle => "fickle",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
            Self::Deaf => "deaf",
        }
    }

    /// Returns the behaviour of the target with this name.
    pub(super) fn of(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|manner| manner.name() == name);
        found.unwrap_or_else(|| panic!("unknown manner `{name}`"))
    }

    /// Returns the origin in its URLs; connections go to its real address. Hosts differ, because
    /// cookies are sent to all ports of a host.
    pub(super) fn origin(self) -> String {
        format!("http://127.0.0.{}:1000", 1 + self as u8)
    }
}

/// How a hop ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A response with this status.
    Status(u16),
    /// A response with a body of this many bytes.
    Large(usize),
    /// A response whose header `x-token` is the request's number.
    Token,
    /// A response that sets a cookie.
    Cookie,
    /// A response that announces that the connection closes, and it does.
    Close,
    /// A response, after which the connection closes without notice.
    Drop,
    /// A response, after which the connection closes if it is idle for this long.
    Idle(Duration),
    /// 503 for this percentage of the random request ids, otherwise a successful response.
    Flaky(u64),
    /// The same, but the connection closes instead of the 503.
    FlakyCut(u64),
    /// The connection closes without a response.
    Cut,
    /// The connection is reset without a response.
    Reset,
    /// The connection closes in the middle of the body.
    Half,
    /// The body never ends.
    Stall,
    /// There is never a response.
    Hang,
    /// 503, after which the target stops listening.
    Leave,
    /// A redirect to this path on this target.
    Redirect(Manner, String),
}

/// The peer's handling of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub delay: Duration,
    pub ending: Ending,
}

/// Returns the name of a step, which is the first segment of its paths.
pub(super) fn step_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

impl Hop {
    /// Parses a path on a target with this behaviour.
    pub(super) fn of(manner: Manner, path: &str) -> Self {
        let mut delay = Duration::ZERO;
        let mut segments = path.split('/').skip(2);
        while let Some(segment) = segments.next() {
            let (word, number) = segment.rsplit_once('-').unwrap_or((segment, ""));
            let amount = || {
                number
                    .parse::<u64>()
                    .unwrap_or_else(|_| panic!("`{segment}` has no number"))
            };
            let rest = || {
                let rest = segments.clone().collect::<Vec<_>>().join("/");
                format!("/{}/{rest}", step_of(path))
            };
            let ending = match word {
                "delay" => {
                    delay += Duration::from_millis(amount());
                    continue;
                }
                "ok" => Ending::Status(200),
                "status" => Ending::Status(amount() as u16),
                "large" => Ending::Large(amount() as usize),
                "token" => Ending::Token,
                "cookie" => Ending::Cookie,
                "close" => Ending::Close,
                "drop" => Ending::Drop,
                "idle" => Ending::Idle(Duration::from_millis(amount())),
                "flaky" => Ending::Flaky(amount()),
                "flakycut" => Ending::FlakyCut(amount()),
                "cut" => Ending::Cut,
                "reset" => Ending::Reset,
                "half" => Ending::Half,
                "stall" => Ending::Stall,
                "hang" => Ending::Hang,
                "leave" => Ending::Leave,
                "redirect" => Ending::Redirect(manner, rest()),
                "away" => Ending::Redirect(Manner::of(number), rest()),
                _ => panic!("the peer does not know `{segment}` of {path}"),
            };
            return Self { delay, ending };
        }
        Self {
            delay,
            ending: Ending::Status(200),
        }
    }

    /// Returns all hops of a path, each with its target and its path.
    pub(super) fn all(manner: Manner, path: &str) -> Vec<(Manner, String, Self)> {
        let mut hops = Vec::new();
        let mut next = Some((manner, path.to_owned()));
        while let Some((manner, path)) = next {
            let hop = Self::of(manner, &path);
            next = match &hop.ending {
                Ending::Redirect(to, path) => Some((*to, path.clone())),
                _ => None,
            };
            hops.push((manner, path, hop));
        }
        hops
    }
}

/// Returns whether a request with this id belongs to this percentage of all.
pub(super) fn is_among(id: &str, percent: u64) -> bool {
    // FNV-1a, because the ids differ in few places.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) % 100 < percent
}

#[test]
fn a_path_encodes_the_behaviour_of_the_peer() {
    let hops = Hop::all(Manner::Steady, "/s3/delay-5/redirect/away-deaf/hang");
    let seen: Vec<(Manner, &str)> = hops
        .iter()
        .map(|(manner, path, _)| (*manner, path.as_str()))
        .collect();
    let paths = [
        (Manner::Steady, "/s3/delay-5/redirect/away-deaf/hang"),
        (Manner::Steady, "/s3/away-deaf/hang"),
        (Manner::Deaf, "/s3/hang"),
    ];
    assert_eq!(seen, paths);
    assert_eq!(hops[0].2.delay, Duration::from_millis(5));
    assert_eq!(hops[2].2.ending, Ending::Hang);
    let among = (0..1000)
        .filter(|id| is_among(&format!("id-{id}"), 30))
        .count();
    assert!((200..400).contains(&among), "{among} of 1000");
}
