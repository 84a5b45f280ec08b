//! Digest access authentication (RFC 7616, and RFC 2069 for servers that say no `qop`): what answers
//! a challenge, without the password itself.
//!
//! The names are those of the RFC. What is hashed of a quoted value is the value without its escapes,
//! as servers have it.

use std::fmt::Write as _;

use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256, Sha512_256};

use super::challenge::{Challenge, Parameters};

/// The name of the scheme.
const SCHEME: &str = "digest";
/// The end of the names of algorithms whose first hash lasts as long as a session.
const OF_SESSIONS: &str = "-sess";
/// What an extended value of a header encodes (RFC 8187, `attr-char`).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A hash function, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Md5, Self::Sha256, Self::Sha512_256];

    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// Returns the hash of the parts with a colon between them, in hexadecimal digits.
    fn of(self, parts: &[&[u8]]) -> String {
        let data = parts.join(&b':');
        match self {
            Self::Md5 => hex(&Md5::digest(&data)),
            Self::Sha256 => hex(&Sha256::digest(&data)),
            Self::Sha512_256 => hex(&Sha512_256::digest(&data)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Who authenticates.
#[derive(Clone, Copy)]
pub(crate) struct DigestLogin<'l> {
    /// The user.
    pub user: &'l str,
    /// The password.
    pub password: &'l str,
}

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestChallenge {
    hash: Hash,
    /// Whether the first hash lasts as long as the session.
    is_of_session: bool,
    /// Whether the server names the algorithm.
    is_named: bool,
    /// Whether requests are counted (`qop=auth`).
    has_qop: bool,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    /// Whether the server wants a hash of the user.
    hashes_user: bool,
    /// Whether the server says that names are in UTF-8.
    is_utf8: bool,
    is_stale: bool,
}

impl DigestChallenge {
    /// Returns the strongest challenge of these lines that can be answered, and of several such the
    /// first.
    pub(crate) fn strongest<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Option<Self> {
        let all = Challenge::all(lines);
        let mut best: Option<Self> = None;
        for one in all.iter().filter_map(Self::read) {
            let strength = |one: &Self| (one.hash, one.has_qop);
            if best
                .as_ref()
                .is_none_or(|best| strength(best) < strength(&one))
            {
                best = Some(one);
            }
        }
        best
    }

    fn read(challenge: &Challenge) -> Option<Self> {
        if !challenge.is_of(SCHEME) {
            return None;
        }
        let is_true = |name| {
            let value = challenge.get(name);
            value.is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
        };
        let algorithm = challenge.get("algorithm");
        let (hash, is_of_session) = match algorithm {
            Some(name) => algorithm_of(std::str::from_utf8(name).ok()?)?,
            None => (Hash::Md5, false),
        };
        let qop = challenge
            .get("qop")
            .filter(|list| !list.trim_ascii().is_empty());
        let mut options = qop
            .into_iter()
            .flat_map(|list| list.split(|byte| *byte == b','));
        let has_qop = options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"auth"));
        if qop.is_some() && !has_qop {
            return None;
        }
        Some(Self {
            hash,
            is_of_session,
            is_named: algorithm.is_some(),
            has_qop,
            realm: challenge.get("realm").unwrap_or_default().to_vec(),
            nonce: challenge.get("nonce")?.to_vec(),
            opaque: challenge.get("opaque").map(<[u8]>::to_vec),
            hashes_user: is_true("userhash"),
            is_utf8: challenge
                .get("charset")
                .is_some_and(|charset| charset.eq_ignore_ascii_case(b"utf-8")),
            is_stale: is_true("stale"),
        })
    }

    /// Returns whether the server refuses only the nonce, and not who answered with it.
    pub(crate) const fn is_stale(&self) -> bool {
        self.is_stale
    }
}

fn algorithm_of(name: &str) -> Option<(Hash, bool)> {
    let begin = name.len().saturating_sub(OF_SESSIONS.len());
    let (base, is_of_session) = match name.split_at_checked(begin) {
        Some((base, suffix)) if suffix.eq_ignore_ascii_case(OF_SESSIONS) => (base, true),
        _ => (name, false),
    };
    let mut all = Hash::ALL.into_iter();
    let hash = all.find(|hash| hash.name().eq_ignore_ascii_case(base))?;
    Some((hash, is_of_session))
}

/// The answers to one challenge: each request has its own.
#[derive(Clone, Debug)]
pub(crate) struct DigestSession {
    challenge: DigestChallenge,
    user: String,
    /// The hash of the login, which is kept and not the password.
    login: String,
    /// The first hash, `H(A1)`.
    a1: String,
    cnonce: String,
    /// The number of requests that were answered with this nonce.
    count: u32,
}

impl DigestSession {
    /// Begins the answers to a challenge; `cnonce` is drawn for it.
    pub(crate) fn new(challenge: DigestChallenge, login: DigestLogin<'_>, cnonce: String) -> Self {
        let hashed = hashed(&challenge, login);
        let a1 = if challenge.is_of_session {
            let parts = [hashed.as_bytes(), &challenge.nonce, cnonce.as_bytes()];
            challenge.hash.of(&parts)
        } else {
            hashed.clone()
        };
        Self {
            challenge,
            user: login.user.to_owned(),
            login: hashed,
            a1,
            cnonce,
            count: 0,
        }
    }

    /// Returns whether it answers for this user with this password.
    pub(crate) fn is_of(&self, login: DigestLogin<'_>) -> bool {
        self.user == login.user && self.login == hashed(&self.challenge, login)
    }

    /// Takes the nonce for the next request, if the server has said one (`authentication-info`).
    pub(crate) fn follow(&mut self, authentication_info: &[u8]) {
        let parameters = Parameters::of_line(authentication_info);
        if let Some(next) = parameters.get("nextnonce") {
            self.challenge.nonce = next.to_vec();
            self.count = 0;
        }
    }

    /// Returns the value of `authorization` for the next request; `uri` is what it asks for.
    pub(crate) fn authorization(&mut self, method: &str, uri: &str) -> Vec<u8> {
        let Self {
            challenge,
            a1,
            cnonce,
            ..
        } = &*self;
        let a2 = challenge.hash.of(&[method.as_bytes(), uri.as_bytes()]);
        let count = format!("{:08x}", self.count.saturating_add(1));
        let (nonce, a2) = (&challenge.nonce, a2.as_bytes());
        let response = if challenge.has_qop {
            let counted = [nonce, count.as_bytes(), cnonce.as_bytes(), b"auth", a2];
            challenge
                .hash
                .of(&[&[a1.as_bytes()], &counted[..]].concat())
        } else {
            challenge.hash.of(&[a1.as_bytes(), nonce, a2])
        };
        let mut value = b"Digest ".to_vec();
        self.name(&mut value);
        quoted(&mut value, "realm", &challenge.realm);
        quoted(&mut value, "uri", uri.as_bytes());
        if challenge.is_named {
            let session = if challenge.is_of_session {
                OF_SESSIONS
            } else {
                ""
            };
            let algorithm = format!(", algorithm={}{session}", challenge.hash.name());
            value.extend(algorithm.as_bytes());
        }
        quoted(&mut value, "nonce", nonce);
        if challenge.has_qop {
            value.extend(format!(", nc={count}").as_bytes());
        }
        // Without it, nobody could compute the first hash of a session.
        if challenge.has_qop || challenge.is_of_session {
            quoted(&mut value, "cnonce", cnonce.as_bytes());
        }
        if challenge.has_qop {
            value.extend(b", qop=auth");
        }
        quoted(&mut value, "response", response.as_bytes());
        if let Some(opaque) = &challenge.opaque {
            quoted(&mut value, "opaque", opaque);
        }
        if challenge.hashes_user {
            value.extend(b", userhash=true");
        }
        self.count = self.count.saturating_add(1);
        value
    }

    /// Writes who answers.
    fn name(&self, value: &mut Vec<u8>) {
        let Self {
            challenge, user, ..
        } = self;
        if challenge.hashes_user {
            let hash = challenge.hash.of(&[user.as_bytes(), &challenge.realm]);
            value.extend(format!("username=\"{hash}\"").as_bytes());
        } else if challenge.is_utf8 && !user.is_ascii() {
            let user = utf8_percent_encode(user, EXTENDED);
            value.extend(format!("username*=UTF-8''{user}").as_bytes());
        } else {
            value.extend(b"username=");
            quoted_string(value, user.as_bytes());
        }
    }
}

/// Returns the hash of user, realm and password.
fn hashed(challenge: &DigestChallenge, DigestLogin { user, password }: DigestLogin<'_>) -> String {
    let parts = [user.as_bytes(), &challenge.realm, password.as_bytes()];
    challenge.hash.of(&parts)
}

/// Appends a parameter whose value is quoted.
fn quoted(value: &mut Vec<u8>, name: &str, text: &[u8]) {
    value.extend(format!(", {name}=").as_bytes());
    quoted_string(value, text);
}

fn quoted_string(value: &mut Vec<u8>, text: &[u8]) {
    value.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(*byte);
    }
    value.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(challenges: &[&str], login: (&str, &str), cnonce: &str) -> DigestSession {
        let lines = challenges.iter().map(|line| line.as_bytes());
        let challenge = DigestChallenge::strongest(lines).expect("one that can be answered");
        let (user, password) = login;
        DigestSession::new(challenge, DigestLogin { user, password }, cnonce.into())
    }

    fn answer(session: &mut DigestSession, uri: &str) -> String {
        String::from_utf8(session.authorization("GET", uri)).expect("UTF-8")
    }

    const MUFASA: (&str, &str) = ("Mufasa", "Circle of Life");
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const MD5: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
                       nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_examples_of_rfc_7616_are_answered_as_it_says() {
        let sha256 = MD5.replace("algorithm=MD5", "algorithm=SHA-256");
        for (challenges, algorithm, response) in [
            (&[MD5][..], "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            // The stronger one, wherever it is.
            (
                &[MD5, &sha256],
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (
                &[&format!("{sha256}, {MD5}")],
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let mut session = session(challenges, MUFASA, CNONCE);
            assert_eq!(
                answer(&mut session, "/dir/index.html"),
                format!(
                    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, cnonce=\"{CNONCE}\", qop=auth, \
                     response=\"{response}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
                )
            );
        }
    }

    /// Section 3.9.2, with the values of erratum 4897: those of the RFC are not of this hash.
    #[test]
    fn a_user_may_be_hashed() {
        let challenge = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
                         nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", \
                         charset=UTF-8, userhash=true";
        let login = ("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let mut whole = session(&[challenge], login, cnonce);
        let value = answer(&mut whole, "/doe.json");
        for part in [
            "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\"",
            "response=\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5\"",
            ", userhash=true",
        ] {
            assert!(value.contains(part), "{part}: {value}");
        }
        let mut plain = session(&[&challenge.replace(", userhash=true", "")], login, cnonce);
        let value = answer(&mut plain, "/doe.json");
        assert!(
            value.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "),
            "{value}"
        );
        let mut old = session(&["Digest nonce=x"], login, cnonce);
        let value = answer(&mut old, "/");
        assert!(
            value.starts_with("Digest username=\"J\u{e4}s\u{f8}n Doe\", realm=\"\", "),
            "{value}"
        );
    }

    #[test]
    fn the_example_of_rfc_2617_and_a_server_of_rfc_2069() {
        let login = ("Mufasa", "Circle Of Life");
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                         opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let mut session = session(&[challenge], login, "0a4f113b");
        let value = answer(&mut session, "/dir/index.html");
        assert!(
            value.contains(", response=\"6629fae49393a05397450978507c4ef1\""),
            "{value}"
        );
        assert!(!value.contains("algorithm"), "as in the challenge: {value}");
        let old = challenge.replace(" qop=\"auth,auth-int\",", "");
        let mut session = self::session(&[&old], login, "0a4f113b");
        let value = answer(&mut session, "/dir/index.html");
        assert!(
            value.contains(", response=\"670fd8c2df070c60b045671b8b24ff02\""),
            "{value}"
        );
        assert!(!value.contains("nc=") && !value.contains("qop"), "{value}");
    }

    #[test]
    fn requests_are_counted_by_nonce() {
        let mut session = session(&[MD5], MUFASA, CNONCE);
        let count = |session: &mut DigestSession| {
            let value = answer(session, "/");
            let (_, behind) = value.split_once("nc=").expect("counted");
            behind[..8].to_owned()
        };
        assert_eq!(count(&mut session), "00000001");
        assert_eq!(count(&mut session), "00000002");
        session.follow(b"qop=auth, rspauth=\"abc\"");
        assert_eq!(count(&mut session), "00000003");
        session.follow(b"nextnonce=\"a\\\"b\"");
        let value = answer(&mut session, "/");
        assert!(value.contains("nonce=\"a\\\"b\", nc=00000001"), "{value}");
        let (user, password) = MUFASA;
        assert!(session.is_of(DigestLogin { user, password }));
        assert!(!session.is_of(DigestLogin {
            user,
            password: "other"
        }));
    }

    #[test]
    fn a_session_keeps_its_first_hash() {
        let challenge = MD5.replace("algorithm=MD5", "algorithm=md5-SESS");
        let mut session = session(&[&challenge], MUFASA, CNONCE);
        let first = session.a1.clone();
        assert_eq!(
            first,
            Hash::Md5.of(&[
                session.login.as_bytes(),
                b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                CNONCE.as_bytes()
            ])
        );
        session.follow(b"nextnonce=next");
        assert!(answer(&mut session, "/").contains(", algorithm=MD5-sess, nonce=\"next\""));
        assert_eq!(session.a1, first);
    }

    #[test]
    fn what_cannot_be_answered_is_passed_over() {
        let read = |lines: &[&str]| {
            let found = DigestChallenge::strongest(lines.iter().map(|line| line.as_bytes()));
            found.map(|challenge| (challenge.hash.name(), challenge.has_qop))
        };
        for none in [
            "Basic realm=x",
            "Digest realm=x",
            "Digest nonce=x, algorithm=SHA-1",
            "Digest nonce=x, algorithm=sess",
            "Digest nonce=x, qop=auth-int",
        ] {
            assert_eq!(read(&[none]), None, "{none}");
        }
        assert_eq!(read(&["Digest nonce=x, qop=\" \""]), Some(("MD5", false)));
        assert_eq!(
            read(&[
                "Digest nonce=x, Digest nonce=y, qop=auth-int, Digest nonce=z, qop=\"auth-int, AUTH\""
            ]),
            Some(("MD5", true))
        );
        assert!(
            DigestChallenge::strongest([&b"Digest nonce=x, stale=TRUE"[..]])
                .is_some_and(|own| own.is_stale())
        );
    }
}
