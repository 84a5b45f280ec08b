//! How to reproduce a run: the command, and the file that it refers to.

use crate::plan::Mode;
use crate::result::RunResult;

use super::tally;

/// Returns the scenario's file as given, if a shell takes it literally, or else a name for a copy
/// of it.
pub(crate) fn path(result: &RunResult) -> String {
    let is_plain = |path: &&str| {
        !path.starts_with('-')
            && path.len() <= 200
            && path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
    };
    let given = result.scenario.file.as_deref().filter(is_plain);
    given.map_or_else(|| file_name(&result.scenario.name), str::to_owned)
}

/// Returns a file name made from the scenario's name; an invalid one from a damaged result is not
/// used.
pub(crate) fn file_name(name: &str) -> String {
    let good = !name.is_empty()
        && name.len() <= 100
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    if good && !name.starts_with(['.', '-']) {
        format!("{name}.yaml")
    } else {
        "scenario.yaml".into()
    }
}

/// Returns the command. It includes modes and rounds, because they may have been given on the
/// command line.
pub(crate) fn command(result: &RunResult, file: &str) -> String {
    let modes: Vec<&str> = tally::modes(result).into_iter().map(Mode::name).collect();
    let mut command = format!("loadgen run {file} --seed {}", result.scenario.seed);
    if !modes.is_empty() {
        command.push_str(&format!(" --mode {}", modes.join(",")));
    }
    if let Some(rounds) = result.runs.iter().map(|r| r.round).max().filter(|n| *n > 1) {
        command.push_str(&format!(" --rounds {rounds}"));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_a_shell_takes() {
        let mut result = super::super::fixture::three_modes();
        assert_eq!(path(&result), "scenarios/shop-api.yaml");
        for file in ["a b.yaml", "$(x).yaml", "-x.yaml", "a\n"] {
            result.scenario.file = Some(file.into());
            assert_eq!(path(&result), "shop-api.yaml");
        }
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!(file_name("shop-api"), "shop-api.yaml");
        assert_eq!(file_name("../x"), "scenario.yaml");
        assert_eq!(file_name("-x"), "scenario.yaml");
    }
}
