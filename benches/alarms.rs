//! The false alarm rate and the power of each method of comparing two versions: `cargo bench
//! --bench alarms`. Simulates runs on a machine that drifts and fluctuates; `LOADGEN_COMPARISONS=N`
//! sets their number.

mod simulation;

use loadgen::result::Outcome;
use simulation::{Method, NOISY, OWN, alarms, outcomes};

/// All methods, loadgen's first.
const METHODS: [Method; 7] = [
    Method::Loadgen,
    Method::Once,
    Method::NoTolerance,
    Method::NotInterleaved,
    Method::Welch,
    Method::OneRatio,
    Method::MannWhitney,
];

fn main() {
    let comparisons = std::env::var("LOADGEN_COMPARISONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3_000);
    println!("calls B regressed, of {comparisons} comparisons, where B is slower by:");
    println!(
        "{:>8} {:>8} {:>8} {:>8}   {:>14}",
        "0 %", "2 %", "10 %", "20 %", "0 %, noisy"
    );
    for method in METHODS {
        let share = |factor, own| {
            100.0 * alarms(method, factor, own, comparisons) as f64 / comparisons as f64
        };
        let [none, little, some, much] = [1.0, 1.02, 1.1, 1.2].map(|factor| share(factor, OWN));
        println!(
            "{none:>7.2}% {little:>7.2}% {some:>7.2}% {much:>7.2}%   {:>13.2}%  {method}",
            share(1.0, NOISY)
        );
    }
    println!("what loadgen says where B is slower by:");
    for percent in [-10, 0, 2, 5, 10, 20] {
        let of = outcomes(1.0 + f64::from(percent) / 100.0, comparisons);
        let words = [
            Outcome::Regressed,
            Outcome::Improved,
            Outcome::Equivalent,
            Outcome::Inconclusive,
        ];
        let shares = words.map(|word| {
            format!(
                "{} {:.1}%",
                word.name(),
                100.0 * of(word) as f64 / comparisons as f64
            )
        });
        println!("{percent:>4} %  {}", shares.join(", "));
    }
}
