//! The targets of a scenario, and how a step finds its target.

mod certificates;
mod issuers;
mod services;

use super::known_target::{KnownTarget, declared};
use super::proxy::Env;
use std::path::Path;

use super::auth::TargetAuth;
use super::credentials;
use super::decode;
use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::timeout::PartialTimeouts;
use super::tree::{Node, Value};
use super::url::{self, Url};
use super::vars::is_name;
use super::words;
use crate::plan::target::authority;
use crate::plan::{Address, HttpClient, Retry, Scheme, Target};

const MAX_TARGETS: usize = 1000;

/// All targets: the declared ones, followed by those that absolute URLs of steps create.
#[derive(Default)]
pub(super) struct Targets {
    list: Vec<KnownTarget>,
    /// Whether a declaration is invalid, so that missing targets are not reported.
    broken: bool,
    /// The client of HTTP/1.1, if the command line names one.
    client: Option<HttpClient>,
}

impl Targets {
    /// Decodes the `targets` section, and applies the URLs and the client of the command line. File
    /// paths are relative to `folder`; `env` looks up variables that may name a proxy.
    pub(super) fn collect(
        section: Option<&Node>,
        flags: &[(Option<String>, String)],
        client: Option<HttpClient>,
        folder: &Path,
        env: Env<'_>,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut targets = Self {
            client,
            ..Self::default()
        };
        let entries = match section.map(|node| (node, &node.value)) {
            Some((_, Value::Map(entries))) => entries.as_slice(),
            None => &[],
            Some((node, value)) => {
                targets.broken = true;
                if *value != Value::Broken {
                    problems
                        .error(
                            node.span,
                            format!(
                                "`targets` must be a map of names, but this is {}",
                                node.describe()
                            ),
                        )
                        .help("write `targets: { shop: { url: http://127.0.0.1:8080 } }`");
                }
                &[]
            }
        };
        if let Some(entry) = entries.get(MAX_TARGETS) {
            problems
                .error(entry.key_span, format!("more than {MAX_TARGETS} targets"))
                .help("remove some");
        }
        for entry in entries.iter().take(MAX_TARGETS) {
            if !is_name(&entry.key.replace('-', "_")) {
                problems
                    .error(
                        entry.key_span,
                        format!("{} is not a valid target name", quoted(&entry.key)),
                    )
                    .help("use letters, digits, `_` and `-`, and begin with a letter");
                targets.broken = true;
                continue;
            }
            let mut target = declared(&entry.key, &entry.value, entry.key_span, folder, problems);
            if let Some(client) = client {
                target.http.use_client(client);
            }
            targets.broken |= target.address.is_none();
            targets.list.push(target);
        }
        for (name, text) in flags {
            targets.redirect(name.as_deref(), text, problems);
        }
        for target in &mut targets.list {
            target.complete(env, problems);
            target.judge(problems);
        }
        targets.find_issuers();
        targets
    }

    /// Overrides the URL of a target.
    fn redirect(&mut self, name: Option<&str>, text: &str, problems: &mut Diagnostics) {
        let flag = Place::Flag("--target");
        credentials::of_urls(text, problems);
        credentials::of_authority(text, problems);
        let place = url::target(text).inspect_err(|wrong| {
            problems
                .error(flag, wrong.message.clone())
                .help(wrong.remedy.clone());
        });
        let (address, login) = place.ok().unzip();
        let login = login.flatten();
        let names: Vec<&str> = self.list.iter().map(|t| t.name.as_str()).collect();
        let found = match name {
            Some(name) => names.iter().position(|n| *n == name),
            None if names.len() == 1 => Some(0),
            None => None,
        };
        match (found, name) {
            (Some(index), _) => {
                self.list[index].address = address;
                self.list[index].database.login = login;
            }
            (None, None) if names.is_empty() && !self.broken => {
                let mut target = KnownTarget::new("default".into(), true);
                target.address = address;
                target.database.login = login;
                self.list.push(target);
            }
            (None, None) if !names.is_empty() => {
                problems
                    .error(
                        flag,
                        format!(
                            "{} could be the URL of any of {} targets",
                            quoted(text),
                            names.len()
                        ),
                    )
                    .help(format!(
                        "name it, as in `--target {}={text}`; the targets are {}",
                        names[0],
                        words::listed(names.iter().copied())
                    ));
            }
            (None, None) => {}
            (None, Some(name)) => {
                let error = problems.error(flag, format!("unknown target {}", quoted(name)));
                match words::nearest(name, names.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None if names.is_empty() => {
                        error.help("the scenario declares no targets; give the URL alone")
                    }
                    None => error.help(format!("choose from {}", words::listed(names))),
                };
            }
        }
    }

    /// Returns the target of a step, which may name it; reports an error if it is ambiguous.
    pub(super) fn find(
        &mut self,
        name: Option<&Node>,
        step: Span,
        problems: &mut Diagnostics,
    ) -> Option<usize> {
        let declared: Vec<&str> = self
            .list
            .iter()
            .filter(|t| t.declared)
            .map(|t| t.name.as_str())
            .collect();
        let Some(node) = name else {
            match declared.len() {
                1 => return Some(0),
                _ if self.broken => {}
                0 => {
                    problems.error(step, "this request has no target, because the scenario declares none").help(
                        "declare one, as in `targets: { shop: { url: http://127.0.0.1:8080 } }` (or `url: builtin`), or write a full URL",
                    );
                }
                n => {
                    problems
                        .error(step, format!("this request could go to any of {n} targets"))
                        .help(format!(
                            "add `target: …` with one of {}",
                            words::listed(declared)
                        ));
                }
            }
            return None;
        };
        let text = decode::text(node, "target", problems)?;
        let found = declared.iter().position(|name| *name == text);
        if found.is_none() && !self.broken {
            let error = problems.error(node.span, format!("unknown target {}", quoted(text)));
            match words::nearest(text, declared.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None if declared.is_empty() => {
                    error.help(format!("declare it: `targets: {{ {text}: {{ url: … }} }}`"))
                }
                None => error.help(format!("choose from {}", words::listed(declared))),
            };
        }
        found
    }

    /// Returns the target of an absolute URL and the path on it: a declared target with the same
    /// authority, or a new one.
    pub(super) fn of_url(&mut self, url: &Url) -> (usize, String) {
        for (index, target) in self.list.iter().enumerate() {
            if let Some(Address::Url {
                scheme,
                host,
                port,
                base,
            }) = &target.typed
                && (scheme, host, port) == (&url.scheme, &url.host, &url.port)
                && let Some(rest) = url.rest.strip_prefix(base.as_str())
                && (rest.is_empty() || rest.starts_with(['/', '?']))
            {
                return (index, rest.to_owned());
            }
        }
        let address = Address::Url {
            scheme: url.scheme,
            host: url.host.clone(),
            port: url.port,
            base: String::new(),
        };
        let known = KnownTarget::new(authority(url.scheme, &url.host, url.port), false);
        self.list.push(KnownTarget {
            typed: Some(address.clone()),
            address: Some(address),
            ..known
        });
        (self.list.len() - 1, url.rest.clone())
    }

    /// Returns whether a step can use a target's protocol; reports it if not.
    pub(super) fn speaks(
        &self,
        index: usize,
        step: &str,
        schemes: &[Scheme],
        place: Span,
        problems: &mut Diagnostics,
    ) -> bool {
        let Some(known) = self.list.get(index) else {
            return true;
        };
        let KnownTarget {
            name,
            address: Some(address @ Address::Url { scheme, .. }),
            ..
        } = known
        else {
            return self.is_not_grpc(known, step, place, problems);
        };
        if schemes.contains(scheme) {
            return true;
        }
        let steps = match scheme {
            Scheme::Tcp => "a `tcp` step",
            Scheme::Redis | Scheme::Rediss => "a `redis` step",
            Scheme::Postgres => "a `sql` step",
            Scheme::Ws | Scheme::Wss => "a `websocket` step",
            Scheme::Http | Scheme::Https => "a request or a `websocket` step",
            Scheme::Grpc | Scheme::Grpcs => "a `grpc` step",
        };
        problems
            .error(
                place,
                format!("`{step}` can't go to the target `{name}`, which is at {address}"),
            )
            .help(format!(
                "use {steps} there, or give this step a target with `{}://…`",
                schemes[0].name()
            ));
        false
    }

    /// Returns whether a step that is not a call can go to a target whose address does not tell its
    /// protocol; reports it if not.
    fn is_not_grpc(
        &self,
        known: &KnownTarget,
        step: &str,
        place: Span,
        problems: &mut Diagnostics,
    ) -> bool {
        if step == "grpc" || known.grpc.is_none() {
            return true;
        }
        problems
            .error(
                place,
                format!(
                    "`{step}` can't go to the target `{}`, which speaks gRPC",
                    known.name
                ),
            )
            .help("declare another target without `grpc` for it");
        false
    }

    /// Returns whether a step can use a target as a database; reports it if not.
    pub(super) fn is_database(
        &self,
        index: usize,
        step: &str,
        schemes: &[Scheme],
        place: Span,
        problems: &mut Diagnostics,
    ) -> bool {
        let address = self
            .list
            .get(index)
            .and_then(|known| known.address.as_ref());
        let why = match address {
            Some(Address::Builtin) => "the built-in server, which is not a database",
            Some(Address::Unix { .. }) if schemes == [Scheme::Postgres] => {
                "a Unix socket: PostgreSQL requires a user, which only a URL names"
            }
            _ => return self.speaks(index, step, schemes, place, problems),
        };
        problems
            .error(place, format!("`{step}` can't go to {why}"))
            .help(format!(
                "declare a target with `{}://…`, and name it with `target: …`",
                schemes[0].name()
            ));
        false
    }

    /// Returns the timeouts that a target sets for its requests.
    pub(super) fn timeout(&self, index: usize) -> PartialTimeouts {
        self.list
            .get(index)
            .map(|target| target.timeout)
            .unwrap_or_default()
    }

    /// Returns the retry policy that a target sets for its requests.
    pub(super) fn retry(&self, index: usize) -> Option<Retry> {
        self.list.get(index).and_then(|target| target.retry.clone())
    }

    /// Returns the targets of the plan, without those whose address is invalid, which was reported.
    pub(super) fn into_plan(self) -> Vec<Target> {
        let target = |known: KnownTarget| {
            let KnownTarget {
                name,
                address,
                headers,
                auth,
                mut http,
                tls,
                resolve,
                network,
                limits,
                mut database,
                tls_span,
                grpc,
                ..
            } = known;
            let address = address?;
            if let Some(client) = self.client {
                // Those that absolute URLs create, too.
                http.use_client(client);
            }
            database.is_secure = tls_span.is_some() && address.asks_for_tls();
            Some(Target {
                name,
                address,
                headers,
                auth: auth.and_then(TargetAuth::known),
                http,
                tls,
                resolve,
                network,
                limits,
                database,
                grpc: grpc.and_then(|known| known.options),
            })
        };
        self.list.into_iter().filter_map(target).collect()
    }
}
