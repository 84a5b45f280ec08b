//! What connections to a database need beside its address.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The start of the text that a [`Login`] is serialized as.
const SCHEME: &str = "login://";

/// Options of a target that is a database. Those with their default value are not serialized.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseOptions {
    /// Who logs in, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// Redis: whether connections speak RESP3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_resp3: bool,
    /// PostgreSQL: whether connections use TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secure: bool,
    /// PostgreSQL: whether each use of a statement parses it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unprepared: bool,
}

/// A user and a password, either of which may be empty: at a database, or at a proxy.
///
/// It is serialized as the beginning of a URL, because user and password of a URL are hidden in
/// every output, however short they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Login {
    /// Parses what stands before the `@` of a URL. Returns `None` if an escape in it is not UTF-8.
    pub fn of_url(userinfo: &str) -> Option<Self> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            Some(text.into_owned())
        };
        Some(Self {
            user: decoded(user)?,
            password: decoded(password)?,
        })
    }

    /// Returns the credentials of HTTP's scheme `Basic` (RFC 7617).
    pub fn basic(&self) -> String {
        let pair = format!("{}:{}", self.user, self.password);
        format!("Basic {}", STANDARD.encode(pair))
    }
}

/// Never shows a value.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Serialize for Login {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        to.collect_str(&format_args!(
            "{SCHEME}{}:{}@",
            encoded(&self.user),
            encoded(&self.password)
        ))
    }
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_suffix('@'))
            .and_then(Self::of_url)
            .ok_or_else(|| D::Error::custom("not a login"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Secrets;

    #[test]
    fn a_login_comes_back_and_is_never_shown() {
        let login = Login::of_url("me%40home:p%3Aw/%20").expect("UTF-8");
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("me@home", "p:w/ ")
        );
        let mut json = serde_json::to_value(&login).expect("it serializes");
        let back: Login = serde_json::from_value(json.clone()).expect("a login");
        assert_eq!(back, login);
        Secrets::default().redact_json(&mut json);
        assert_eq!(json, "login://***@");
        assert_eq!(format!("{login:?}"), "Login");
        assert!(serde_json::from_value::<Login>(json).is_ok_and(|hidden| hidden.user == "***"));
        assert_eq!(Login::of_url("%ff"), None);
    }
}
