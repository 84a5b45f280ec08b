//! Traffic: the peer's log agrees with what loadgen reports.

use std::collections::BTreeMap;

use loadgen::metrics::FailureKind;
use loadgen::plan::{KeepAlive, LoadModel};

use super::oracle::Look;
use super::peer::Request;
use super::script::Manner;

pub(super) fn look(look: &Look<'_>) {
    requests(look);
    bytes(look);
    identities(look);
    connections(look);
    cookies(look);
}

/// Checks the number of requests of each hop.
fn requests(look: &Look<'_>) {
    let whole = look.is_whole();
    for part in &look.parts {
        let (name, counts, tries) = (&part.figures.name, part.figures.counts, part.tries());
        let least = if part.expected.is_heard {
            tries - part.broken_off().min(tries)
        } else {
            0
        };
        let mut others = part.requests.len();
        for (manner, path, _) in &part.expected.hops {
            let seen = part
                .requests
                .iter()
                .filter(|request| request.manner == *manner && request.path == *path)
                .count();
            others -= seen;
            let (least, seen) = (
                if matches!(manner, Manner::Gone | Manner::Deaf) {
                    0
                } else {
                    least
                },
                seen as u64,
            );
            look.hold("requests", seen >= least, || {
                format!("{name}: the peer saw {seen} of {least} requests for {path}: {counts:?}")
            });
            look.hold("requests", !whole || seen <= tries, || {
                format!("{name}: the peer saw {seen} requests for {path}, but {tries} attempts: {counts:?}")
            });
        }
        look.hold("requests", others == 0, || {
            format!("{name}: the peer saw {others} requests that no attempt sends")
        });
    }
    if look.parts.len() == look.case.plan.operations().count() {
        let all = look.trial.requests().count();
        let known: usize = look.parts.iter().map(|part| part.requests.len()).sum();
        look.hold("requests", all == known, || {
            format!("{} requests that belong to no step", all - known)
        });
    }
}

/// Checks the bytes in both directions.
fn bytes(look: &Look<'_>) {
    let whole = look.is_whole();
    for part in &look.parts {
        let (name, figures) = (&part.figures.name, part.figures);
        let sent: u64 = part.requests.iter().map(|request| request.bytes).sum();
        let said: u64 = part
            .requests
            .iter()
            .map(|request| request.answer_bytes)
            .sum();
        let exact = whole && part.expected.is_heard && part.broken_off() == 0;
        let reset = part.expected.kinds.contains(&FailureKind::Reset);
        look.hold("bytes", !whole || figures.bytes_out >= sent, || {
            format!(
                "{name}: {} bytes sent, but the peer read {sent}",
                figures.bytes_out
            )
        });
        look.hold("bytes", !exact || figures.bytes_out == sent, || {
            format!(
                "{name}: {} bytes sent, but the peer read {sent}",
                figures.bytes_out
            )
        });
        look.hold("bytes", figures.bytes_in <= said, || {
            format!(
                "{name}: {} bytes received, but the peer sent {said}",
                figures.bytes_in
            )
        });
        look.hold("bytes", !exact || reset || figures.bytes_in == said, || {
            format!(
                "{name}: {} bytes received, but the peer sent {said}",
                figures.bytes_in
            )
        });
    }
}

/// Checks that no attempt is sent twice, and that captured values stay in their iteration.
fn identities(look: &Look<'_>) {
    let mut tries: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let requests: Vec<&Request> = look.trial.requests().collect();
    for request in &requests {
        if let Some(id) = &request.id {
            *tries
                .entry((request.path.as_str(), id.as_str()))
                .or_default() += 1;
        }
        let strange = request.echo.is_some() && request.echo != request.seq;
        look.hold("capture", !strange, || {
            format!(
                "iteration {:?} sent the token of iteration {:?}",
                request.seq, request.echo
            )
        });
    }
    let twice: Vec<_> = tries.into_iter().filter(|(_, times)| *times > 1).collect();
    look.hold("twice", twice.is_empty(), || {
        format!("attempts that were sent more than once: {twice:?}")
    });
}

/// Checks that connections are kept as long as the target specifies.
fn connections(look: &Look<'_>) {
    for (number, target) in look.case.plan.targets.iter().enumerate() {
        let seen = &look.trial.seen[number];
        let name = &target.name;
        look.hold("left open", seen.left_open == 0, || {
            format!("{name}: {} connections are still open", seen.left_open)
        });
        let mut by_connection: BTreeMap<u64, Vec<&Request>> = BTreeMap::new();
        seen.log.iter().for_each(|request| {
            by_connection
                .entry(request.connection)
                .or_default()
                .push(request)
        });
        let wrong = by_connection
            .values()
            .find(|requests| match target.http.keep_alive {
                KeepAlive::Never => requests.len() > 1,
                KeepAlive::PerIteration => requests.windows(2).any(|pair| {
                    pair[0].seq.is_some() && pair[1].seq.is_some() && pair[0].seq != pair[1].seq
                }),
                KeepAlive::PerVu | KeepAlive::Shared => false,
            });
        look.hold("kept", wrong.is_none(), || {
            format!("{name}: a connection was kept too long: {wrong:?}")
        });
        let connects = seen.accepted;
        let told: u64 = look
            .run()
            .targets
            .iter()
            .find(|group| group.name == *name)
            .and_then(|group| group.times.connect_ms.as_ref())
            .map_or(0, |q| q.count);
        let may = matches!(Manner::of(name), Manner::Steady | Manner::Fickle);
        // A connection may be accepted late, and a redirect may have connected to another target.
        let away = look.parts.iter().any(|part| {
            part.expected
                .hops
                .windows(2)
                .any(|pair| pair[0].0 != pair[1].0)
        });
        look.hold("connects", !may || away || told <= connects, || {
            format!("{name}: {told} connects, but the peer accepted {connects}")
        });
    }
}

/// Checks that cookies are only sent by the user who received them.
fn cookies(look: &Look<'_>) {
    let plan = &look.case.plan;
    let users = match (
        plan.load.model,
        plan.load.iterations,
        plan.load.iterations_per_vu,
    ) {
        (LoadModel::Closed { vus }, None, Some(_)) => Some(u64::from(vus)),
        _ => None,
    };
    let user = |request: &Request| Some((request.seq.as_ref()?.parse::<u64>().ok()? - 1) % users?);
    for target in &plan.targets {
        let mut owners: Vec<Option<u64>> = Vec::new();
        let requests: Vec<&Request> = look
            .trial
            .requests()
            .filter(|request| request.manner.name() == target.name)
            .collect();
        for request in &requests {
            if let Some(number) = request.set_cookie {
                let number = number as usize;
                if owners.len() <= number {
                    owners.resize(number + 1, None);
                }
                owners[number] = user(request);
            }
        }
        for request in requests {
            let Some(cookie) = &request.cookie else {
                continue;
            };
            let number = cookie
                .strip_prefix("sid=c")
                .and_then(|number| number.parse::<usize>().ok());
            let owner = number.and_then(|number| owners.get(number));
            look.hold("cookie", target.http.cookies && owner.is_some(), || {
                format!("a cookie that was never set: {cookie}")
            });
            let stranger = owner
                .copied()
                .flatten()
                .zip(user(request))
                .is_some_and(|(owner, user)| owner != user);
            look.hold("cookie", !stranger, || {
                format!("user {:?} sent the cookie of {owner:?}", user(request))
            });
        }
    }
}
