//! Whether verdicts on versions are reliable: a small simulation of many comparisons; `cargo bench
//! --bench alarms` is the large one.

#[path = "../../benches/simulation/mod.rs"]
mod simulation;

use loadgen::result::Outcome;
use simulation::{Method, NOISY, OWN, alarms, outcomes};

const COMPARISONS: u64 = 200;

#[test]
fn no_false_alarms_if_nothing_changed() {
    assert_eq!(alarms(Method::Loadgen, 1.0, OWN, COMPARISONS), 0);
    assert_eq!(
        alarms(Method::Loadgen, 1.02, OWN, COMPARISONS),
        0,
        "within the tolerance"
    );
    // The alternatives, on the same machine.
    for (method, at_least) in [
        (Method::MannWhitney, 20),
        (Method::Welch, 20),
        (Method::OneRatio, 10),
        (Method::NotInterleaved, 10),
        (Method::NoTolerance, 3),
    ] {
        let wolves = alarms(method, 1.0, OWN, COMPARISONS);
        assert!(wolves >= at_least, "{method}: {wolves} of {COMPARISONS}");
    }
}

#[test]
fn a_figure_too_noisy_for_its_tolerance_raises_no_false_alarm() {
    let once = alarms(Method::Once, 1.0, NOISY, COMPARISONS);
    assert!(
        once >= 3,
        "{once} of {COMPARISONS}: about as many as the confidence level allows"
    );
    assert_eq!(alarms(Method::Loadgen, 1.0, NOISY, COMPARISONS), 0);
}

#[test]
fn real_changes_are_detected() {
    let slower = |factor| alarms(Method::Loadgen, factor, OWN, COMPARISONS);
    assert!(slower(1.10) >= COMPARISONS * 9 / 10, "{}", slower(1.10));
    assert_eq!(slower(1.20), COMPARISONS);
    let faster = outcomes(1.0 / 1.2, COMPARISONS);
    assert_eq!(faster(Outcome::Improved) as u64, COMPARISONS);
    let same = outcomes(1.0, COMPARISONS);
    assert!(
        same(Outcome::Equivalent) as u64 >= COMPARISONS * 9 / 10,
        "{}",
        same(Outcome::Equivalent)
    );
}
