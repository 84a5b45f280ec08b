//! Client certificates of targets that rows of a feed name.

use std::path::Path;

use super::Targets;
use crate::plan::{KeepAlive, Piece, UserCertificate};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, Span};
use crate::scenario::feed::Feeds;
use crate::scenario::known_target::KnownTarget;
use crate::value::expression::uses;
use crate::value::named_files::NamedFiles;
use crate::value::{feed, file};

impl Targets {
    /// Checks the client certificates that rows name: that all of them can be known before the run,
    /// and that their files are there.
    pub(in crate::scenario) fn check_certificates(
        &mut self,
        feeds: &Feeds,
        folder: &Path,
        problems: &mut Diagnostics,
    ) {
        for known in &mut self.list {
            let Some(place) = known.tls_span else {
                continue;
            };
            if known.tls.by_user.is_none() || !suits(known, place, problems) {
                continue;
            }
            let Some(by_user) = &mut known.tls.by_user else {
                continue;
            };
            let Some(name) = feed_of(by_user, feeds) else {
                problems
                    .error(
                        place,
                        "the files of a client certificate must be known before the run: only columns of one feed can name them",
                    )
                    .help("write `cert: \"{{users.cert}}\", key: \"{{users.key}}\"`, with a feed `users`");
                continue;
            };
            by_user.feed = name;
            check_rows(by_user, feeds, folder, place, problems);
        }
    }
}

/// Returns whether the connections of a target can belong to users; reports it if not.
fn suits(known: &KnownTarget, place: Span, problems: &mut Diagnostics) -> bool {
    let is_of_database = known
        .address
        .as_ref()
        .is_some_and(|address| address.is_of_database());
    let (what, remedy) = if is_of_database {
        (
            "a client certificate by row is for requests, and not for databases",
            "write the files themselves; all users present the same certificate",
        )
    } else if known.http.keep_alive == KeepAlive::Shared {
        (
            "a client certificate by row needs connections that belong to a user, and `keep_alive: shared` lets all users share them",
            "write `keep_alive: per_vu`",
        )
    } else {
        return true;
    };
    problems.error(place, what).help(remedy);
    false
}

/// Returns the only feed that the paths use; `None` if they use anything else.
fn feed_of(by_user: &UserCertificate, feeds: &Feeds) -> Option<String> {
    let pieces = by_user.cert.pieces().iter().chain(by_user.key.pieces());
    let mut found = None;
    for piece in pieces {
        let Piece::Value(insert) = piece else {
            continue;
        };
        let uses = uses(&insert.value).ok()?;
        let [name] = uses.names.as_slice() else {
            return None;
        };
        feeds.find(name)?;
        if found.get_or_insert_with(|| name.clone()) != name {
            return None;
        }
    }
    found
}

/// Reports the first row whose files are not there.
fn check_rows(
    by_user: &UserCertificate,
    feeds: &Feeds,
    folder: &Path,
    place: Span,
    problems: &mut Diagnostics,
) {
    let Some(feed) = feeds.find(&by_user.feed) else {
        return;
    };
    // A file that has changed since is reported by the run.
    let (Ok(files), Ok(rows)) = (
        NamedFiles::new(by_user),
        feed::read(folder, &feed.source, true),
    ) else {
        return;
    };
    let all = (0..rows.rows.count()).filter_map(|row| Some((row + 1, rows.rows.get(row)?)));
    for (number, row) in all {
        let at = |message: String| format!("row {number} of `{}`: {message}", by_user.feed);
        let wrong = match files.of_row(row) {
            Err(error) => Some(error.to_string()),
            Ok(paths) => {
                let mut checked = paths.iter().map(|path| file::check(folder, path));
                checked.find_map(Result::err).map(|error| error.to_string())
            }
        };
        if let Some(message) = wrong {
            decode::with_remedy(&at(message), place, problems);
            return;
        }
    }
}
