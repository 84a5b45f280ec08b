//! One try of `exec`: a program is run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attempt::Attempt;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::plan::kinds::exec::Execution;
use crate::transport::TransportError;
use crate::transport::exec::{self, Group, Program, Watch};
use crate::value::Scope;

/// Kills what is left of a program when its try ends, also if it is dropped midway.
struct KillOnDrop(Group);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// Runs a program to its end: from this thread, or from the pool's if this one runs an event
    /// loop.
    pub(super) async fn exec(
        &self,
        execution: &Execution,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let world = self.worker.world;
        let [command, values, mut stdin] = world.texts[id].parts(scope, || self.facts())?;
        let stdin = stdin.pop();
        if let Some(recording) = &self.recording {
            recording.text(command.join(" "), stdin.as_deref());
        }
        let written = stdin.as_ref().map_or(0, |text| text.len() as u64);
        let program = Program {
            command,
            variables: execution.names.iter().cloned().zip(values).collect(),
            stdin,
            folder: world.folders.path().to_owned(),
        };
        let keep = self.keeps_text();
        let group = KillOnDrop(Group::default());
        let first = Arc::new(AtomicU64::new(u64::MAX));
        let (own, seen, deadline) = (group.0.clone(), first.clone(), self.deadline());
        let call = move |caller: &dyn Fn() -> (Nanos, bool)| {
            let mut watch = Watch {
                left: &|| (deadline - caller().0).as_duration(),
                unwanted: &|| caller().1,
                begun: &mut || seen.store(caller().0.0, Ordering::Relaxed),
                keep,
            };
            exec::run(&program, &own, &mut watch)
        };
        let driver = &self.worker.driver;
        let ended = driver.call(call).await;
        let now = driver.now();
        drop(group);
        let hop = &trace.last.hop;
        hop.ended.set(Some(now));
        let first = Nanos(first.load(Ordering::Relaxed));
        hop.first_byte
            .set((first != Nanos::MAX).then(|| first - self.started));
        let Some(ended) = ended? else {
            return Err(self.late());
        };
        trace.pass(ended.size, written);
        if now >= self.deadline() {
            return Err(self.late());
        }
        if let Some(message) = exec::complaint(&ended, &execution.exit) {
            return Err(TransportError {
                kind: FailureKind::Exec,
                message,
            });
        }
        self.judge(&ended.output, ended.size, None, scope, trace)
    }
}
