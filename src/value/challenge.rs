//! Challenges: what a server says about the credentials that it wants (RFC 9110, section 11).

/// A scheme that a server offers, with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The name of the scheme, as it was sent.
    scheme: String,
    parameters: Parameters,
}

/// Names, in lower case, and values without quotes and escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, Vec<u8>)>);

impl Parameters {
    /// Reads the parameters of a line that consists of nothing else, such as `authentication-info`.
    pub(crate) fn of_line(line: &[u8]) -> Self {
        let mut reader = Reader(line);
        let mut found = Self::default();
        while reader.next_item() {
            match reader.parameter() {
                Some(parameter) => found.0.push(parameter),
                None => reader.skip_item(),
            }
        }
        found
    }

    /// Returns the value of a parameter. If there are several, the first counts.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_slice())
    }
}

impl Challenge {
    /// Reads all challenges of these lines. A line may have several, and what can't be read is
    /// skipped.
    pub(crate) fn all<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Vec<Self> {
        let mut found = Vec::new();
        for line in lines {
            let mut reader = Reader(line);
            let begin = found.len();
            while reader.next_item() {
                if let Some(parameter) = reader.parameter() {
                    // A parameter before any scheme belongs to nothing.
                    let of = found[begin..].last_mut();
                    of.into_iter()
                        .for_each(|last: &mut Self| last.parameters.0.push(parameter.clone()));
                } else if let Some(scheme) = reader.scheme() {
                    found.push(Self {
                        scheme,
                        parameters: Parameters::default(),
                    });
                } else {
                    reader.skip_item();
                }
            }
        }
        found
    }

    /// Returns whether it is of this scheme.
    pub(crate) fn is_of(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Returns the value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.parameters.get(name)
    }
}

/// The rest of a line.
struct Reader<'l>(&'l [u8]);

impl<'l> Reader<'l> {
    /// Goes to the next item of the list, if there is one.
    fn next_item(&mut self) -> bool {
        let begin = self
            .0
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b','));
        self.0 = begin.map_or(&[], |begin| &self.0[begin..]);
        !self.0.is_empty()
    }

    /// Goes to the end of the item.
    fn skip_item(&mut self) {
        let end = self.0.iter().position(|byte| *byte == b',');
        self.0 = end.map_or(&[], |end| &self.0[end..]);
    }

    /// Takes a name with its value; what is not such a pair is left.
    fn parameter(&mut self) -> Option<(String, Vec<u8>)> {
        let (name, rest) = token(self.0)?;
        let rest = rest.trim_ascii_start().strip_prefix(b"=")?;
        let rest = rest.trim_ascii_start();
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(inner) => quoted_string(inner),
            None => token(rest).map(|(value, rest)| (value.to_vec(), rest))?,
        };
        self.0 = rest;
        Some((text(name).to_ascii_lowercase(), value))
    }

    /// Takes the name of a scheme, and what follows it if that is not a list of parameters.
    fn scheme(&mut self) -> Option<String> {
        let (name, rest) = token(self.0)?;
        self.0 = rest;
        // Other schemes have a single value there (`token68`).
        let mut behind = Reader(rest.trim_ascii_start());
        if behind.0.len() < rest.len() && behind.parameter().is_none() {
            self.skip_item();
        }
        Some(text(name))
    }
}

/// Splits a token off (RFC 9110, section 5.6.2).
fn token(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = input.iter().position(|byte| !is_part(byte));
    let (token, rest) = input.split_at(end.unwrap_or(input.len()));
    (!token.is_empty()).then_some((token, rest))
}

/// Reads a quoted string to its end, of which the opening quote has been taken.
fn quoted_string(input: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut rest = input;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => break,
            b'\\' => {
                if let Some((escaped, behind)) = rest.split_first() {
                    value.push(*escaped);
                    rest = behind;
                }
            }
            other => value.push(*other),
        }
    }
    (value, rest)
}

/// Converts a token, which is ASCII.
fn text(token: &[u8]) -> String {
    String::from_utf8_lossy(token).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let all = Challenge::all(lines.iter().map(|line| line.as_bytes()));
        let show = |challenge: &Challenge| {
            let parameters = challenge.parameters.0.iter();
            let parameters: Vec<String> = parameters
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect();
            format!("{}[{}]", challenge.scheme, parameters.join("|"))
        };
        all.iter().map(show).collect()
    }

    #[test]
    fn several_challenges_in_one_line_and_in_several() {
        for (lines, wanted) in [
            (
                &[
                    "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
                ][..],
                &[
                    "Basic[realm=simple]",
                    "Newauth[realm=apps|type=1|title=Login to \"apps\"]",
                ][..],
            ),
            (&["Negotiate"], &["Negotiate[]"]),
            (
                &[
                    "Negotiate abc==, Digest  Realm = \"a, b\" , NONCE=x,, stale=TRUE",
                    "bearer",
                ],
                &[
                    "Negotiate[]",
                    "Digest[realm=a, b|nonce=x|stale=TRUE]",
                    "bearer[]",
                ],
            ),
            (&["Negotiate a/b+c=, Basic"], &["Negotiate[]", "Basic[]"]),
            (&[" , \t,Digest nonce=\"end\\"], &["Digest[nonce=end]"]),
            (&["realm=\"of nobody\", Basic realm=x"], &["Basic[realm=x]"]),
            (
                &["Digest nonce=\"a\" opaque=\"b\""],
                &["Digest[nonce=a|opaque=b]"],
            ),
            (&["@, Digest @x, realm=y", ""], &["Digest[realm=y]"]),
        ] {
            assert_eq!(read(lines), wanted, "{lines:?}");
        }
        let parameters = Parameters::of_line(b"qop=auth, nextnonce=\"a=\\\"b\", junk, nc=1");
        assert_eq!(parameters.get("nextnonce"), Some(&b"a=\"b"[..]));
        assert_eq!(
            (parameters.get("nc"), parameters.get("x")),
            (Some(&b"1"[..]), None)
        );
    }

    proptest! {
        #[test]
        fn no_line_panics_or_hangs(line in "[a =\",\\\\\\PC]{0,40}") {
            Challenge::all([line.as_bytes()]);
            Parameters::of_line(line.as_bytes());
        }
    }
}
