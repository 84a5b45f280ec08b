//! `workers`: how many event loops, or processes, run the load.

use std::fmt;
use std::str::FromStr;

use super::decode;
use super::diagnostic::{Diagnostics, Place};
use super::fields::Fields;
use super::tree::{Node, Value};
use crate::plan::{Address, Target};

const MAX_WORKERS: u32 = 1024;
/// The word for [`Workers::Auto`].
const AUTO: &str = "auto";

/// How many workers run the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// So many.
    Count(u32),
    /// As many as there are cores that no target on this machine needs.
    Auto,
}

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == AUTO {
            return Ok(Self::Auto);
        }
        match text.parse() {
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => Err(format!("write a number, or `{AUTO}`")),
        }
    }
}

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Auto => f.write_str(AUTO),
        }
    }
}

impl Workers {
    /// Decodes the key, which the command line may override; the default is the number of cores.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        given: Option<Self>,
        problems: &mut Diagnostics,
    ) -> Self {
        let typed = fields
            .take("workers", problems)
            .and_then(|node| decode(node, problems));
        if let Some(Self::Count(given)) = given {
            let range = 1..=MAX_WORKERS.into();
            let place = Place::Flag("--workers");
            decode::in_range(given.into(), "workers", range, place, problems);
        }
        given.or(typed).unwrap_or_else(|| Self::Count(cores()))
    }

    /// Returns their number, and how many of `cores` [`Self::Auto`] spares.
    fn among(self, cores: u32, targets: &[Target]) -> (u32, Option<u32>) {
        let needed = match self {
            Self::Count(count) => return (count, None),
            Self::Auto => targets.iter().map(|target| needs(target, cores)).max(),
        };
        // Both sides share a single core.
        let spared = needed.unwrap_or(0).min(cores - 1);
        (cores - spared, Some(spared))
    }

    /// Returns their number, and how many cores of this machine [`Self::Auto`] spares for targets
    /// on it.
    pub(super) fn resolve(self, targets: &[Target]) -> (u32, Option<u32>) {
        self.among(cores(), targets)
    }
}

/// Returns how many of `cores` a target needs if it is on this machine.
fn needs(target: &Target, cores: u32) -> u32 {
    match &target.address {
        // It serves on one thread.
        Address::Builtin => 1,
        address if address.is_on_this_machine() => cores.div_ceil(2),
        _ => 0,
    }
}

fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Workers> {
    if matches!(&node.value, Value::Scalar(scalar) if scalar.text == AUTO) {
        return Some(Workers::Auto);
    }
    decode::small(node, "workers", 1..=MAX_WORKERS, problems).map(Workers::Count)
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| {
        u32::try_from(n.get())
            .unwrap_or(MAX_WORKERS)
            .min(MAX_WORKERS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fixture;

    #[test]
    fn auto_leaves_cores_to_targets_on_this_machine() {
        let among = |cores: u32, urls: &[&str]| {
            let targets: Vec<String> = urls
                .iter()
                .enumerate()
                .map(|(n, url)| format!("t{n}: {{url: '{url}'}}"))
                .collect();
            let steps: Vec<String> = (0..urls.len())
                .map(|n| format!("{{get: /, target: t{n}}}"))
                .collect();
            let plan = fixture::plan(&format!(
                "{{name: t, targets: {{{}}}, mix: [{{name: m, flow: [{}]}}], load: {{vus: 1, iterations: 1}}}}",
                targets.join(", "),
                steps.join(", ")
            ));
            Workers::Auto.among(cores, &plan.targets)
        };
        assert_eq!(among(8, &["http://shop.test"]), (8, Some(0)));
        assert_eq!(among(8, &["http://10.0.0.1"]), (8, Some(0)));
        assert_eq!(among(8, &["builtin"]), (7, Some(1)));
        for here in [
            "http://127.0.0.1:80",
            "http://[::1]:80",
            "http://localhost",
            "http://a.localhost",
            "unix:/run/x.sock",
        ] {
            assert_eq!(among(8, &[here, "builtin"]), (4, Some(4)), "{here}");
            assert_eq!(among(3, &[here]), (1, Some(2)), "{here}");
            assert_eq!(among(1, &[here]), (1, Some(0)), "{here}");
        }
        let named = Workers::Count(5);
        assert_eq!(named.among(2, &[]), (5, None));
    }

    #[test]
    fn a_number_or_the_word_is_read() {
        assert_eq!("7".parse(), Ok(Workers::Count(7)));
        assert_eq!("auto".parse(), Ok(Workers::Auto));
        for bad in ["", "-1", "Auto", "1.5"] {
            assert!(bad.parse::<Workers>().is_err(), "{bad}");
        }
        assert_eq!(Workers::Auto.to_string(), "auto");
        assert_eq!(Workers::Count(3).to_string(), "3");
    }
}
