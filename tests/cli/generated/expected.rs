//! [`Expected`]: the possible outcomes of each attempt of an operation, according to the plan and
//! its path.

use std::collections::BTreeSet;
use std::time::Duration;

use loadgen::base::Nanos;
use loadgen::metrics::FailureKind::{self, *};
use loadgen::plan::{Action, Delay, HttpRequest, Operation, Plan};

use super::script::{Ending, Hop, Manner};

/// An operation that ends this long before its timeout never reaches it, even on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

/// The possible outcomes of each attempt of an operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// The kinds of failures that an attempt may end with.
    pub kinds: BTreeSet<FailureKind>,
    /// Whether no attempt succeeds.
    pub always_fails: bool,
    /// Whether the plan alone determines how each attempt ends, except for the message of a cut
    /// connection.
    pub is_fixed: bool,
    /// Whether the peer reads the request of each attempt that ends by itself.
    pub is_heard: bool,
    /// The hops of an attempt, as far as redirects are followed.
    pub hops: Vec<(Manner, String, Hop)>,
}

impl Expected {
    /// Derives the possible outcomes of an operation.
    pub(super) fn of(plan: &Plan, operation: &Operation) -> Self {
        let total = operation.timeout.total;
        let mut expected = Self {
            is_fixed: true,
            is_heard: true,
            ..Self::default()
        };
        match &operation.action {
            Action::Http(request) => expected.request(plan, operation, request),
            Action::Sleep(Delay::Constant(length)) if *length > total => {
                expected.kinds.insert(TimeoutTotal);
                expected.always_fails = true;
                return expected;
            }
            Action::Sleep(Delay::Constant(_)) => {}
            Action::Sleep(_) => expected.may_be_late(TimeoutTotal, Some(total), Duration::ZERO),
            // Work that uses the CPU or cannot be cancelled is late on a busy machine.
            Action::Cpu(_) | Action::Block { .. } => {
                expected.may_be_late(TimeoutTotal, Some(total), Duration::ZERO)
            }
            Action::Handshake(_)
            | Action::Message(_)
            | Action::Tcp(_)
            | Action::Redis(_)
            | Action::Sql(_) => {
                unreachable!("it is not generated")
            }
        }
        if matches!(operation.action, Action::Sleep(_)) {
            // Its duration is known in advance.
            expected.is_fixed = true;
        }
        if operation.fail.0 > 0.0 {
            expected.kinds.insert(Mock);
            expected.always_fails = operation.fail.0 >= 1.0;
        }
        expected
    }

    /// If `limit` expires soon after the end of work that takes `least`, it may come first.
    fn may_be_late(&mut self, kind: FailureKind, limit: Option<Nanos>, least: Duration) {
        if limit.is_some_and(|limit| limit.as_duration() < least + SLACK) {
            self.kinds.insert(kind);
            (self.is_fixed, self.is_heard) = (false, false);
        }
    }

    fn may(&mut self, kinds: &[FailureKind]) {
        self.kinds.extend(kinds);
    }

    /// Records that the operation fails here.
    fn fails(&mut self, kinds: &[FailureKind]) {
        self.may(kinds);
        self.always_fails = true;
    }

    fn request(&mut self, plan: &Plan, operation: &Operation, request: &HttpRequest) {
        let functions = ["uuid()", "seq()"];
        let needs_values = request
            .templates()
            .flat_map(|text| text.expressions())
            .any(|value| !functions.contains(&value.trim()));
        if needs_values {
            self.may(&[Data]);
            (self.is_fixed, self.is_heard) = (false, false);
        }
        let target = &plan.targets[request.target];
        let path = request.path.as_text().expect("no path is a template");
        let followed = target.http.redirects as usize;
        let timeout = operation.timeout;
        let mut least = Duration::ZERO;
        for (number, (manner, path, hop)) in Hop::all(Manner::of(&target.name), path)
            .into_iter()
            .enumerate()
        {
            self.may_be_late(TimeoutConnect, timeout.connect, least);
            self.hops.push((manner, path, hop.clone()));
            match manner {
                Manner::Gone => return self.fails(&[Refused]),
                Manner::Deaf => {
                    let connect = timeout.connect.unwrap_or(Nanos::MAX);
                    if connect <= timeout.total {
                        self.may(&[TimeoutConnect]);
                    }
                    if connect >= timeout.total {
                        self.may(&[TimeoutTotal]);
                    }
                    self.is_heard =
                        number > 0 && self.is_heard && timeout.total.as_duration() > least + SLACK;
                    return self.fails(&[]);
                }
                Manner::Fickle => self.may(&[ReusedConnClosed, Incomplete, Reset]),
                Manner::Leaving => self.may(&[Refused, ReusedConnClosed, Incomplete, Reset]),
                Manner::Steady => {}
            }
            if manner != Manner::Steady {
                (self.is_fixed, self.is_heard) = (false, false);
            }
            least += hop.delay;
            self.may_be_late(TimeoutFirstByte, timeout.first_byte, least);
            self.may_be_late(TimeoutTotal, Some(timeout.total), least);
            match hop.ending {
                Ending::Redirect(..) if number == followed && followed > 0 => {
                    return self.fails(&[Redirects]);
                }
                Ending::Redirect(..) if number < followed => {}
                Ending::Redirect(..) => return self.judge(operation, &[302], false),
                Ending::Status(status) => return self.judge(operation, &[status], false),
                Ending::Token => return self.judge(operation, &[200], true),
                Ending::Large(_)
                | Ending::Cookie
                | Ending::Close
                | Ending::Drop
                | Ending::Idle(_) => {
                    return self.judge(operation, &[200], false);
                }
                Ending::Leave => return self.judge(operation, &[503], false),
                Ending::Flaky(_) => return self.judge(operation, &[200, 503], false),
                Ending::FlakyCut(_) => {
                    self.may(&[Incomplete, ReusedConnClosed]);
                    return self.judge(operation, &[200], false);
                }
                Ending::Cut => return self.fails(&[Incomplete, ReusedConnClosed]),
                Ending::Reset => return self.fails(&[Reset, ReusedConnClosed]),
                Ending::Half => return self.fails(&[Incomplete]),
                Ending::Stall | Ending::Hang => {
                    let first = timeout
                        .first_byte
                        .filter(|_| hop.ending == Ending::Hang)
                        .unwrap_or(Nanos::MAX);
                    if first <= timeout.total {
                        self.may(&[TimeoutFirstByte]);
                    }
                    if first >= timeout.total {
                        self.may(&[TimeoutTotal]);
                    }
                    return self.fails(&[]);
                }
            }
        }
    }

    /// Handles a response with one of these statuses.
    fn judge(&mut self, operation: &Operation, statuses: &[u16], has_token: bool) {
        let rules = &operation.expect.status;
        let is_good = |status: &u16| {
            if rules.is_empty() {
                (200..400).contains(status)
            } else {
                rules.iter().any(|rule| rule.fits(*status))
            }
        };
        if !statuses.iter().all(is_good) {
            self.may(&[Status]);
        }
        let good = statuses.iter().any(is_good);
        let captures = operation
            .captures
            .iter()
            .all(|capture| has_token || capture.default.is_some());
        if good && !captures {
            self.may(&[Capture]);
        }
        self.always_fails |= !good || !captures;
    }
}
