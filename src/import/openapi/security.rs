//! What the document says of credentials, as the scenario has them.

use std::collections::{BTreeSet, HashMap};

use super::document::{Documents, Node, Remark};
use super::parameters::OWN;
use super::servers::origin;
use crate::import::credentials::Credentials;
use crate::import::names::is_token;
use crate::import::yaml::Yaml;

/// The longest list of scopes that is asked for.
const MAX_SCOPES: usize = 1000;

/// Credentials of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// `auth`.
    pub auth: Option<Yaml>,
    /// Whether that is only for all requests of a target.
    pub is_of_target: bool,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Parameters of the query.
    pub query: Vec<(String, String)>,
    /// Cookies.
    pub cookies: Vec<String>,
}

/// The security schemes of a document.
pub(super) struct Security<'a> {
    documents: &'a Documents,
    root: Node<'a>,
    /// The schemes that were used already; `None` is one that cannot be carried over.
    known: HashMap<&'a str, Option<Carried>>,
    /// The variables of the environment that they use.
    variables: BTreeSet<String>,
    /// What a person should know, each with its place.
    pub notes: BTreeSet<Remark>,
}

impl<'a> Security<'a> {
    /// Creates it.
    pub(super) fn new(documents: &'a Documents) -> Self {
        Self {
            documents,
            root: documents.root(),
            known: HashMap::new(),
            variables: BTreeSet::new(),
            notes: BTreeSet::new(),
        }
    }

    /// Returns the credentials of an operation: those of the first alternative that has any and can be
    /// carried over.
    pub(super) fn of(
        &mut self,
        operation: Node<'a>,
        place: &str,
        credentials: &mut Credentials,
    ) -> Carried {
        let (required, place) = match operation.get("security") {
            Some(_) => (operation, format!("{place}.security")),
            None => (self.root, "security".to_owned()),
        };
        let alternatives: Vec<Node<'a>> = required.list("security").take(100).collect();
        let is_free = |node: &Node<'a>| node.value.as_object().is_some_and(|all| all.is_empty());
        for alternative in alternatives.iter().filter(|node| !is_free(node)) {
            if let Some(carried) = self.all_of(*alternative, credentials) {
                return carried;
            }
        }
        if !alternatives.is_empty() && !alternatives.iter().any(is_free) {
            let message = "no credentials are sent, because no scheme could be carried over";
            self.notes.insert((place, message.into()));
        }
        Carried::default()
    }

    /// Returns the credentials of all schemes of an alternative.
    fn all_of(&mut self, alternative: Node<'a>, credentials: &mut Credentials) -> Option<Carried> {
        let mut all = Carried::default();
        for name in alternative.value.as_object()?.keys().take(20) {
            let one = self.scheme(name, credentials)?;
            all.headers.extend(one.headers);
            all.query.extend(one.query);
            all.cookies.extend(one.cookies);
            match (&all.auth, one.auth) {
                (None, Some(auth)) => {
                    all.auth = Some(auth);
                    all.is_of_target = one.is_of_target;
                }
                (Some(_), Some(_)) => {
                    let message = "is left out: a request has only one `auth`";
                    self.notes.insert((place_of(name), message.into()));
                }
                (_, None) => {}
            }
        }
        if all.auth.is_some() {
            // It would say the same header.
            all.headers.retain(|(name, _)| name != "authorization");
        }
        Some(all)
    }

    fn scheme(&mut self, name: &'a str, credentials: &mut Credentials) -> Option<Carried> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let schemes = self
            .root
            .get("components")
            .and_then(|c| c.get("securitySchemes"));
        let place = place_of(name);
        let read = schemes
            .and_then(|schemes| schemes.get(name))
            .ok_or_else(|| "is not declared".to_owned())
            .and_then(|scheme| self.documents.resolve(scheme))
            .and_then(|scheme| self.read(name, scheme, credentials));
        let carried = match read {
            Ok(carried) => Some(carried),
            Err(why) => {
                self.notes.insert((place, why));
                None
            }
        };
        self.known.insert(name, carried.clone());
        carried
    }

    fn read(
        &mut self,
        name: &str,
        scheme: Node<'a>,
        credentials: &mut Credentials,
    ) -> Result<Carried, String> {
        let kind = scheme.text("type").unwrap_or_default();
        let of_http = scheme
            .text("scheme")
            .unwrap_or_default()
            .to_ascii_lowercase();
        match (kind, of_http.as_str()) {
            ("http", "bearer") => Ok(self.bearer(name, credentials)),
            ("http", login @ ("basic" | "digest")) => {
                let user = self.secret(name, "API_USER", credentials);
                let password = self.secret(name, "API_PASSWORD", credentials);
                let both = [
                    ("user", Yaml::text(user)),
                    ("password", Yaml::text(password)),
                ];
                Ok(Carried {
                    auth: Some(Yaml::map([(login, Yaml::map(both))])),
                    is_of_target: login == "digest",
                    ..Carried::default()
                })
            }
            ("apiKey", _) => self.api_key(name, scheme, credentials),
            ("oauth2", _) => self.oauth2(name, scheme, credentials),
            ("openIdConnect", _) => {
                let message = "how to get a token is not carried over: set the variable of the \
                               environment to one";
                self.notes.insert((place_of(name), message.into()));
                Ok(self.bearer(name, credentials))
            }
            ("mutualTLS", _) => {
                let message = "is left out: write `tls: { cert: FILE, key: FILE }` for the target";
                self.notes.insert((place_of(name), message.into()));
                Ok(Carried::default())
            }
            ("http", other) => Err(format!("`{}` is not carried over", other.escape_debug())),
            (other, _) => Err(format!("`{}` is not carried over", other.escape_debug())),
        }
    }

    fn bearer(&mut self, name: &str, credentials: &mut Credentials) -> Carried {
        let token = self.secret(name, "TOKEN", credentials);
        Carried {
            auth: Some(Yaml::map([("bearer", Yaml::text(token))])),
            ..Carried::default()
        }
    }

    fn api_key(
        &mut self,
        name: &str,
        scheme: Node<'a>,
        credentials: &mut Credentials,
    ) -> Result<Carried, String> {
        let key = scheme.text("name").unwrap_or_default();
        let is_header = scheme.text("in") == Some("header");
        if (is_header || scheme.text("in") == Some("cookie")) && !is_token(key) {
            return Err("its `name` is not the name of a header or a cookie".into());
        }
        let lower = key.to_ascii_lowercase();
        if is_header && OWN.contains(&lower.as_str()) {
            return Err("its `name` is a header that every request has".into());
        }
        let variable = match variable(key) {
            variable if variable.is_empty() => "API_KEY".to_owned(),
            variable if variable == "KEY" => "API_KEY".to_owned(),
            variable => variable,
        };
        let value = self.secret(name, &variable, credentials);
        let mut carried = Carried::default();
        match scheme.text("in") {
            Some("header") => carried.headers.push((lower, value)),
            Some("query") => carried.query.push((key.to_owned(), value)),
            Some("cookie") => carried.cookies.push(format!("{key}={value}")),
            _ => return Err("does not say where the key is".into()),
        }
        Ok(carried)
    }

    fn oauth2(
        &mut self,
        name: &str,
        scheme: Node<'a>,
        credentials: &mut Credentials,
    ) -> Result<Carried, String> {
        let flows = scheme.get("flows");
        let flow = flows.and_then(|flows| flows.get("clientCredentials"));
        let place = place_of(name);
        let Some(flow) = flow else {
            let flows = flows.and_then(|flows| flows.value.as_object());
            let named: Vec<&str> = flows
                .into_iter()
                .flat_map(|f| f.keys())
                .map(String::as_str)
                .collect();
            let message = format!(
                "a token of {} comes from a login page: set the variable of the environment to one",
                if named.is_empty() {
                    "OAuth 2.0".to_owned()
                } else {
                    format!("`{}`", named.join("`, `"))
                }
            );
            self.notes.insert((place, message));
            return Ok(self.bearer(name, credentials));
        };
        let token_url = flow.text("tokenUrl").unwrap_or_default();
        let Some(url) = self.absolute(token_url) else {
            let message = format!(
                "`tokenUrl: {}` is not a URL: set the variable of the environment to a token, or \
                 write `auth: {{ oauth2: … }}` for the target",
                token_url.escape_debug()
            );
            self.notes.insert((place, message));
            return Ok(self.bearer(name, credentials));
        };
        let id = self.secret(name, "CLIENT_ID", credentials);
        let secret = self.secret(name, "CLIENT_SECRET", credentials);
        let mut members = vec![
            ("token_url", Yaml::text(url)),
            ("client_id", Yaml::text(id)),
            ("client_secret", Yaml::text(secret)),
        ];
        let scopes = self.scopes(name);
        let length: usize = scopes.iter().map(|scope| scope.len() + 1).sum();
        if length > MAX_SCOPES {
            let message = format!(
                "{} scopes are used: write those that you need as `scope`",
                scopes.len()
            );
            self.notes.insert((place, message));
        } else if !scopes.is_empty() {
            let scopes: Vec<&str> = scopes.into_iter().collect();
            members.push(("scope", Yaml::text(scopes.join(" "))));
        }
        Ok(Carried {
            auth: Some(Yaml::map([("oauth2", Yaml::map(members))])),
            is_of_target: true,
            ..Carried::default()
        })
    }

    /// Returns all scopes of a scheme that any operation needs.
    fn scopes(&self, name: &str) -> BTreeSet<&'a str> {
        let of_all = self.root.members("paths").flat_map(|(_, item)| {
            let item = self.documents.resolve(item).unwrap_or(item);
            let operations = item.value.as_object().into_iter().flatten();
            operations.filter_map(move |(key, _)| item.get(key))
        });
        let is_good = |scope: &&str| {
            !scope.is_empty()
                && scope
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"{}\"\\".contains(c))
        };
        std::iter::once(self.root)
            .chain(of_all)
            .flat_map(|node| node.list("security"))
            .flat_map(|alternative| alternative.list(name))
            .filter_map(|scope| scope.value.as_str())
            .filter(is_good)
            .collect()
    }

    /// Returns a URL as an absolute one: it may be relative to the server of the document.
    fn absolute(&self, url: &str) -> Option<String> {
        if url.contains("://") {
            return origin(url).map(|_| url.to_owned());
        }
        let server = self.root.list("servers").next()?.text("url")?;
        let base = origin(server)?;
        let path = if url.starts_with('/') {
            url.to_owned()
        } else {
            format!("/{url}")
        };
        let absolute = format!("{base}{path}");
        origin(&absolute).map(|_| absolute)
    }

    /// Returns the template of a secret that comes from a variable of the environment. Schemes after the
    /// first of a kind have their name before it.
    fn secret(&mut self, scheme: &str, name: &str, credentials: &mut Credentials) -> String {
        let mut name = name.to_owned();
        if !self.variables.insert(name.clone()) {
            let of_scheme = variable(scheme);
            if !of_scheme.is_empty() {
                name = format!("{of_scheme}_{name}");
            }
            self.variables.insert(name.clone());
        }
        credentials.of_variable(&name)
    }
}

fn place_of(scheme: &str) -> String {
    format!("components.securitySchemes.{scheme}")
}

/// Returns a name as that of a variable of the environment.
fn variable(name: &str) -> String {
    super::variables::words(name).to_ascii_uppercase()
}
