//! [`Hop`]: what the peer does with one request. The request's path specifies it, so that a
//! scenario is self-contained: `/s3/delay-5/redirect/status-503` waits for 5 ms and redirects to
//! `/s3/status-503`.

use std::time::Duration;

/// The behaviour of a target apart from its paths, identified by the target's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    /// Always listens, and closes a connection only if it has announced that.
    Steady,
    /// Closes kept connections without an announcement.
    Fickle,
    /// Listens until a path says `leave`.
    Leaving,
    /// Does not listen.
    Gone,
    /// Its queue of connections is full, and it accepts none.
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

    /// The manner of the target with this name.
    pub(super) fn of(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|manner| manner.name() == name);
        found.unwrap_or_else(|| panic!("no manner is called `{name}`"))
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
    /// An answer with this status.
    Status(u16),
    /// An answer with a body of so many bytes.
    Large(usize),
    /// An answer whose header `x-token` is the request's number.
    Token,
    /// An answer that sets a cookie.
    Cookie,
    /// An answer that says that the connection closes, and it does.
    Close,
    /// An answer, after which the connection closes without a word.
    Drop,
    /// An answer, after which the connection closes where nothing comes for so long.
    Idle(Duration),
    /// By the request's own id, which is drawn: 503 so often in a hundred, else a good answer.
    Flaky(u64),
    /// The same, but the connection closes instead of a bad answer.
    FlakyCut(u64),
    /// The connection closes instead of an answer.
    Cut,
    /// The connection is reset instead of an answer.
    Reset,
    /// The connection closes in the middle of the body.
    Half,
    /// The body never ends.
    Stall,
    /// Nothing is ever answered.
    Hang,
    /// 503, after which the target stops listening.
    Leave,
    /// A redirect to this target, with this path.
    Redirect(Manner, String),
}

/// What the peer does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub delay: Duration,
    pub ending: Ending,
}

/// A step's own name, which is the first segment of its paths.
pub(super) fn step_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

impl Hop {
    /// What a path asks for of a target.
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

    /// All hops of a path, each with the target and the path that it is asked for at.
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

/// Whether a request with this id is one of so many in a hundred.
pub(super) fn is_among(id: &str, percent: u64) -> bool {
    // FNV-1a: ids differ in few places.
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
