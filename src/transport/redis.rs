//! Redis: commands, which are sent at once, and their replies.

mod replies;

use std::io::Write as _;

use hyper::rt::{Read, Write};

use self::replies::Replies;
pub(crate) use self::replies::{Answer, Expected};
use super::TransportError;
use super::counted::Metered;
use super::stream::Connection;
use crate::metrics::FailureKind;
use crate::plan::Login;

/// What a connection needs before its first command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Greeting<'a> {
    /// Who logs in.
    pub login: Option<&'a Login>,
    /// Whether the connection speaks RESP3.
    pub is_resp3: bool,
    /// The number of the database, if it is not the server's first.
    pub database: Option<&'a str>,
}

/// Appends a command to what will be sent.
pub(crate) fn write_command<A: AsRef<[u8]>>(arguments: &[A], out: &mut Vec<u8>) {
    // Writing to a vector can't fail.
    let _ = write!(out, "*{}\r\n", arguments.len());
    for argument in arguments {
        let argument = argument.as_ref();
        let _ = write!(out, "${}\r\n", argument.len());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

impl Greeting<'_> {
    /// Returns the commands, by name and with their arguments.
    fn commands(&self) -> Vec<Vec<&str>> {
        let login = self.login.map(|login| {
            let (user, password) = (login.user.as_str(), login.password.as_str());
            (user, password)
        });
        let mut commands = Vec::new();
        match (self.is_resp3, login) {
            // Only `HELLO` changes the version of the protocol, and it needs a user.
            (true, Some((user, password))) => {
                let user = if user.is_empty() { "default" } else { user };
                commands.push(vec!["HELLO", "3", "AUTH", user, password]);
            }
            (true, None) => commands.push(vec!["HELLO", "3"]),
            (false, Some(("", password))) => commands.push(vec!["AUTH", password]),
            (false, Some((user, password))) => commands.push(vec!["AUTH", user, password]),
            (false, None) => {}
        }
        commands.extend(self.database.map(|number| vec!["SELECT", number]));
        commands
    }
}

/// Logs in and selects the database, if needed.
///
/// # Errors
/// Of kind `redis` if the server refuses, and any other if the connection fails.
pub(crate) async fn greet<Io: Read + Write + Metered + Unpin>(
    connection: &mut Connection<Io>,
    greeting: Greeting<'_>,
) -> Result<(), TransportError> {
    let commands = greeting.commands();
    if commands.is_empty() {
        return Ok(());
    }
    let mut out = Vec::new();
    for command in &commands {
        write_command(command, &mut out);
    }
    let answer = exchange(
        connection,
        &out,
        Expected {
            count: commands.len(),
            is_list: true,
            is_kept: false,
        },
        || {},
    )
    .await?;
    connection.mark_unused();
    answer.error.map_or(Ok(()), |(index, said)| {
        Err(TransportError {
            kind: FailureKind::Redis,
            message: format!("connecting: `{}`: {said}", commands[index][0]),
        })
    })
}

/// Sends commands, and reads their replies; `begun` is called when the first byte has arrived.
///
/// # Errors
/// If the connection fails, or what arrives is not a reply or too large to be kept. Errors of the
/// server are part of the answer.
pub(crate) async fn exchange<Io: Read + Write + Metered + Unpin>(
    connection: &mut Connection<Io>,
    out: &[u8],
    expected: Expected,
    begun: impl Fn(),
) -> Result<Answer, TransportError> {
    let mut replies = Replies::new(expected);
    connection.exchange(out, Some(&mut replies), begun).await?;
    Ok(replies.into_answer())
}
