//! [`Script`]: what a peer does to whom both clients talk.

use http::Method;

/// What comes after the bytes of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end of the stream.
    Close,
    /// Nothing.
    Silence,
    /// An error.
    Reset,
}

/// What a peer does.
#[derive(Clone, Debug)]
pub struct Script {
    /// The method of the requests; one with a body sends one.
    pub method: Method,
    /// Whether a body waits for the peer to ask for it.
    pub expects_continue: bool,
    /// The pieces of the responses; each is there only when the client looks again.
    pub pieces: Vec<Vec<u8>>,
    /// Whether the pieces come before any request.
    pub is_early: bool,
    /// What comes after them.
    pub end: End,
}

impl Script {
    /// Reads a script from bytes: what the peer sends, after two bytes that say how.
    pub fn from_bytes(data: &[u8]) -> Self {
        let (how, cuts, mut rest) = match data {
            [how, cuts, rest @ ..] => (*how, *cuts, rest),
            _ => (0, 0, data),
        };
        let method = match how & 7 {
            0 => Method::HEAD,
            1 | 4 => Method::POST,
            2 => Method::CONNECT,
            _ => Method::GET,
        };
        let expects_continue = how & 7 == 4;
        let end = match how >> 3 & 3 {
            0 => End::Silence,
            1 => End::Reset,
            _ => End::Close,
        };
        let mut pieces = Vec::new();
        let mut turn = cuts;
        while !rest.is_empty() {
            let size = if cuts == 0 {
                rest.len()
            } else {
                // A generator of the simplest kind.
                turn = turn.wrapping_mul(141).wrapping_add(51);
                usize::from(turn % cuts) + 1
            };
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            pieces.push(piece.to_vec());
            rest = behind;
        }
        Self {
            method,
            expects_continue,
            pieces,
            is_early: how >> 5 == 7,
            end,
        }
    }
}
