//! One try of a statement at a PostgreSQL server.

use percent_encoding::percent_decode_str;

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::connection::database::Database;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::plan::kinds::sql::SqlStatement;
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::sql::{Session, Statement};
use crate::transport::wire::Wire;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Runs a statement over a connection of the target's pool or the user's own.
    pub(super) async fn sql(
        &self,
        user: &mut User<D::Io>,
        sql: &SqlStatement,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let world = self.worker.world;
        let id = self.operation.id as usize;
        let params = world.texts[id].make(scope, || self.facts())?;
        let params: Vec<Option<&str>> = params
            .iter()
            .map(|param| param.first().map(|text| &**text))
            .collect();
        if let Some(recording) = &self.recording {
            let shown = shown(&sql.statement, &params);
            recording.text(self.url(scope).unwrap_or_default(), Some(&shown));
        }
        let mut session = self.session(user, sql.target, trace).await?;
        let statement = Statement {
            id: self.operation.id,
            text: &sql.statement,
            params: &params,
            is_prepared: !world.plan.targets[sql.target].database.is_unprepared,
            is_kept: self.keeps_text(),
        };
        let answer = session.run(statement, || self.begin_answer(trace));
        let answer = self.before_first_byte(answer, trace).await?;
        trace.last.hop.ended.set(Some(self.worker.driver.now()));
        if session.is_reusable() {
            user.keep_database(sql.target, Database::Sql(session));
        }
        let Some(error) = answer.error else {
            return self.judge(&answer.json, answer.size, Some(answer.rows), scope, trace);
        };
        let error = TransportError::from(error);
        if let Some(recording) = &self.recording {
            recording.body(Body::new(error.message.as_bytes(), answer.size, true));
        }
        Err(error)
    }

    /// Returns a connection that has logged in: a kept one, or a new one.
    async fn session(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        trace: &Trace,
    ) -> Result<Box<Session<Wire<D::Io>>>, TransportError> {
        let of_kind = |kept| match kept {
            Database::Sql(kept) => Some(kept),
            _ => None,
        };
        if let Some(kept) = self.kept_database(user, target, of_kind, trace).await {
            return Ok(kept);
        }
        let connection = self.connect_database(target, trace).await?;
        let target = &self.worker.world.plan.targets[target];
        let login = target.database.login.clone().unwrap_or_default();
        let database = target.address.database().unwrap_or_default();
        let database = percent_decode_str(database).decode_utf8_lossy();
        let start = Session::start(connection, &login, &database);
        let session = self.within_connect(start).await?;
        trace.last.hop.ready.set(self.worker.driver.now());
        Ok(Box::new(session))
    }
}

/// Returns a statement with its parameters for people who debug.
fn shown(statement: &str, params: &[Option<&str>]) -> String {
    let mut shown = statement.to_owned();
    for (index, param) in params.iter().enumerate() {
        let param = param.map_or_else(|| "NULL".to_owned(), |text| format!("{text:?}"));
        shown.push_str(&format!("\n-- ${} = {param}", index + 1));
    }
    shown
}
