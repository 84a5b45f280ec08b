//! Checks of gates on what is watched, which need what the scenario watches.

use super::diagnostic::Diagnostics;
use super::gate_places::GatePlaces;
use super::words;
use crate::plan::{Metric, Plan, Unit};

/// Reports a metric of something that is not watched, or in another unit than its own.
pub(super) fn watch(plan: &Plan, metric: Metric, places: &GatePlaces, problems: &mut Diagnostics) {
    let Metric::Watch(name, statistic, unit) = metric else {
        return;
    };
    let sources = plan.watch.iter().flat_map(|watch| &watch.sources);
    let known: Vec<(String, Unit)> = sources
        .flat_map(|source| {
            let series = source.from.series().into_iter();
            series.map(|(own, unit)| (format!("{}.{own}", source.name), unit))
        })
        .collect();
    let Some((_, own)) = known.iter().find(|(own, _)| own == name.as_str()) else {
        let error = problems.error(places.check, format!("nothing here is watched as `{name}`"));
        let names = || known.iter().map(|(own, _)| own.as_str());
        match words::nearest(name.as_str(), names()) {
            Some(near) => error.help(format!("did you mean `watch.{near}`?")),
            None if known.is_empty() => {
                error.help("say what is watched: `watch: { app: { process: my-server } }`")
            }
            None => error.help(format!("choose from {}", words::listed(names()))),
        };
        return;
    };
    if statistic.is_of_increases() && !own.adds_up() {
        problems
            .error(places.check, format!("`{name}` is a gauge, which has no total"))
            .help("`total` and `per_request` are of processor time and of what is counted per second; use `mean`, `min` or `max`");
        return;
    }
    let own = statistic.unit(*own);
    if unit != own {
        let (what, example) = match own {
            Unit::Share => ("a share", "80%"),
            Unit::Bytes => ("a size", "500MB"),
            Unit::PerSecond => ("a rate", "10/s"),
            Unit::Millis => ("a time", "20ms"),
            Unit::Number => ("a number", "90"),
        };
        problems
            .error(places.check, format!("`{metric}` is {what}"))
            .help(format!("compare it with one such as `{example}`"));
    }
}
