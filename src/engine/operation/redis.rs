//! One try of commands to a Redis server.

use std::borrow::Cow;

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::connection::database::Database;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::plan::kinds::redis::RedisCommands;
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::redis::{Expected, Greeting, exchange, greet, write_command};
use crate::transport::stream::Connection;
use crate::transport::wire::Wire;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends commands at once and waits for their replies, over a connection of the target's pool
    /// or the user's own.
    pub(super) async fn redis(
        &self,
        user: &mut User<D::Io>,
        redis: &RedisCommands,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let world = self.worker.world;
        let commands = world.texts[id].make(scope, || self.facts())?;
        let mut out = Vec::new();
        for command in &commands {
            let arguments: Vec<&str> = command.iter().map(|argument| &**argument).collect();
            write_command(&arguments, &mut out);
        }
        if let Some(recording) = &self.recording {
            let lines: Vec<String> = commands.iter().map(|command| shown(command)).collect();
            recording.text(self.url(scope).unwrap_or_default(), Some(&lines.join("\n")));
        }
        let mut connection = self.redis_connection(user, redis.target, trace).await?;
        let expected = Expected {
            count: commands.len(),
            is_list: redis.is_pipeline,
            is_kept: self.keeps_text(),
        };
        let answer = exchange(&mut connection, &out, expected, || self.begin_answer(trace));
        let answer = self.before_first_byte(answer, trace).await?;
        trace.last.hop.ended.set(Some(self.worker.driver.now()));
        if connection.is_reusable() {
            user.keep_database(redis.target, Database::Redis(connection));
        }
        let Some((index, said)) = answer.error else {
            return self.judge(&answer.json, answer.size, None, scope, trace);
        };
        if let Some(recording) = &self.recording {
            recording.body(Body::new(&answer.json, answer.size, true));
        }
        let name = commands[index].first().map_or("", |name| &**name);
        let place = if redis.is_pipeline {
            format!("command {}, ", index + 1)
        } else {
            String::new()
        };
        Err(TransportError {
            kind: FailureKind::Redis,
            message: format!("{place}`{name}`: {said}"),
        })
    }

    /// Returns a connection that is ready for commands: a kept one, or a new one.
    async fn redis_connection(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        trace: &Trace,
    ) -> Result<Box<Connection<Wire<D::Io>>>, TransportError> {
        let of_kind = |kept| match kept {
            Database::Redis(kept) => Some(kept),
            _ => None,
        };
        if let Some(kept) = self.kept_database(user, target, of_kind, trace).await {
            return Ok(kept);
        }
        let mut connection = Box::new(self.connect_database(target, trace).await?);
        let target = &self.worker.world.plan.targets[target];
        let greeting = Greeting {
            login: target.database.login.as_ref(),
            is_resp3: target.database.is_resp3,
            database: target.address.database().filter(|number| *number != "0"),
        };
        self.within_connect(greet(&mut connection, greeting))
            .await?;
        trace.last.hop.ready.set(self.worker.driver.now());
        Ok(connection)
    }
}

/// Returns a command as a line for people who debug.
fn shown(command: &[Cow<'_, str>]) -> String {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"')
    };
    let argument = |text: &Cow<'_, str>| {
        if is_plain(text) {
            text.to_string()
        } else {
            format!("{text:?}")
        }
    };
    command.iter().map(argument).collect::<Vec<_>>().join(" ")
}
