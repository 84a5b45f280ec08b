//! One try of a statement at a PostgreSQL server.

use percent_encoding::percent_decode_str;

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::connection::database::{Database, OpenTransaction};
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::plan::kinds::sql::{SqlStatement, TransactionPart};
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::sql::{Answer, Session, Statement};
use crate::transport::stream::Connection;
use crate::transport::wire::Wire;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Runs a statement over the connection of the user's transaction, one of the target's pool, or
    /// the user's own.
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
        let mut open = self.open(user, sql, trace).await?;
        let statement = Statement {
            id: self.operation.id,
            text: &sql.statement,
            params: &params,
            is_prepared: !world.plan.targets[sql.target].database.is_unprepared,
            is_kept: self.keeps_text(),
        };
        let answer = open.session.run(statement, || self.begin_answer(trace));
        let answer = self.before_first_byte(answer, trace).await?;
        trace.last.hop.ended.set(Some(self.worker.driver.now()));
        let misled = misled(sql.part, &answer, open.session.is_in_transaction());
        let is_wrong = misled.as_ref().map(|error| error.kind) == Some(FailureKind::Protocol);
        if !is_wrong {
            self.keep(user, sql, open, answer.error.is_none());
        }
        let Some(error) = answer.error.map(TransportError::from).or(misled) else {
            return self.judge(&answer.json, answer.size, Some(answer.rows), scope, trace);
        };
        if let Some(recording) = &self.recording {
            recording.body(Body::new(error.message.as_bytes(), answer.size, true));
        }
        Err(error)
    }

    /// Returns the connection of the user's transaction if the statement continues it, and
    /// otherwise one that is in none.
    async fn open(
        &self,
        user: &mut User<D::Io>,
        sql: &SqlStatement,
        trace: &Trace,
    ) -> Result<OpenTransaction<D::Io>, TransportError> {
        if !sql.part.continues() {
            let session = self.session(user, sql.target, trace).await?;
            return Ok(OpenTransaction {
                session,
                slot: None,
            });
        }
        let Some(mut open) = user.transaction.take() else {
            return Err(TransportError {
                kind: FailureKind::Sql,
                message: "the transaction is over: a statement before has lost its connection"
                    .into(),
            });
        };
        let connection: &mut Connection<_> = Session::as_mut(&mut open.session);
        trace.begin(connection.byte_counters());
        Ok(*open)
    }

    /// Keeps a connection for the next statement of the transaction, or for any other one.
    fn keep(
        &self,
        user: &mut User<D::Io>,
        sql: &SqlStatement,
        open: OpenTransaction<D::Io>,
        is_good: bool,
    ) {
        match sql.part {
            TransactionPart::Begin if is_good && open.session.is_open() => {
                let slot = self.connection.take();
                user.transaction = Some(Box::new(OpenTransaction { slot, ..open }));
            }
            // The server expects a rollback after an error.
            TransactionPart::Inside if open.session.is_open() => {
                user.transaction = Some(Box::new(open));
            }
            _ if open.session.is_reusable() => {
                let OpenTransaction { session, slot } = open;
                user.keep_database(sql.target, Database::Sql(session));
                // Whoever gets the slot finds the connection.
                drop(slot);
            }
            _ => {}
        }
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

/// Returns an error if the server reports success, but the transaction is not in the state that the
/// statement asked for.
fn misled(
    part: TransactionPart,
    answer: &Answer,
    is_in_transaction: bool,
) -> Option<TransportError> {
    let (kind, message) = match part {
        TransactionPart::Begin | TransactionPart::Inside if !is_in_transaction => (
            FailureKind::Protocol,
            "the server says that no transaction is open",
        ),
        TransactionPart::Commit | TransactionPart::Rollback if is_in_transaction => (
            FailureKind::Protocol,
            "the server says that the transaction is still open",
        ),
        TransactionPart::Commit if answer.is_rolled_back => (
            FailureKind::Sql,
            "the server rolled the transaction back, because a statement in it had failed",
        ),
        _ => return None,
    };
    answer.error.is_none().then(|| TransportError {
        kind,
        message: message.into(),
    })
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
