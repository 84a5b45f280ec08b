//! The structure of the code: floors inside the engine, cycles between files, and long functions.

use std::collections::{BTreeMap, BTreeSet};

use super::tidy::sources;

/// The floor of every module of the engine: a module uses only those below its own.
const ENGINE_FLOORS: &[(&str, u32)] = &[
    ("draw", 0),
    ("driver", 0),
    ("job", 0),
    ("tracer", 1),
    ("compiled", 1),
    ("schedule", 1),
    ("error", 2),
    ("connection", 2),
    ("world", 3),
    ("observe", 4),
    ("operation", 4),
    ("flow", 5),
    ("preflight", 5),
    ("run", 6),
];

/// Files that may use each other, with the reason.
const RECURSION: &[(&[&str], &str)] = &[(
    &[
        "engine::flow::branches",
        "engine::flow::interpreter",
        "engine::flow::transaction",
    ],
    "a branch is a flow, and so is a transaction, and a flow may have both",
)];

/// The maximum number of lines of a function, tests included.
const LONGEST_FUNCTION: usize = 80;

/// A module by its path from the crate's root.
type Module = Vec<String>;

/// The modules of the crate, each with the code of its file.
struct Modules(BTreeMap<Module, String>);

impl Modules {
    fn read() -> Self {
        let module = |path: &str| {
            let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
            let mut parts: Module = inside.split('/').map(str::to_owned).collect();
            parts.pop_if(|last| ["mod", "lib"].contains(&last.as_str()));
            (parts != ["main"]).then_some(parts)
        };
        let all = sources();
        Self(
            all.into_iter()
                .filter_map(|(path, code)| Some((module(&path)?, code)))
                .collect(),
        )
    }

    /// Returns where an item is defined: the module at the start of its path, or the one that this
    /// re-exports it from.
    fn owner(&self, path: &[String], exports: &BTreeMap<Module, Module>) -> Option<Module> {
        let mut path = path.to_vec();
        // A name may be re-exported a few times, but never in a cycle.
        for _ in 0..5 {
            let length = (0..=path.len())
                .rev()
                .find(|n| self.0.contains_key(&path[..*n]))?;
            let item = path.get(..length + 1);
            match item.and_then(|item| exports.get(item)) {
                Some(origin) => path = [origin, &path[length + 1..]].concat(),
                None => return Some(path[..length].to_vec()),
            }
        }
        None
    }

    /// Returns the items re-exported by `pub use`, each with its origin.
    fn exports(&self) -> BTreeMap<Module, Module> {
        let mut exports = BTreeMap::new();
        for (here, code) in &self.0 {
            for (is_public, tree) in uses(code) {
                for path in tree.into_iter().filter(|_| is_public) {
                    let Some(origin) = self.resolve(&path, here) else {
                        continue;
                    };
                    let name = origin.last().cloned().unwrap_or_default();
                    exports.insert([here.as_slice(), &[name]].concat(), origin);
                }
            }
        }
        exports
    }

    /// Resolves a path in a module to one from the crate's root; returns `None` if it leaves the
    /// crate.
    fn resolve(&self, path: &[String], here: &Module) -> Option<Module> {
        let first = path.first()?.as_str();
        let mut base = match first {
            "crate" => Module::new(),
            "self" | "super" => here.clone(),
            child => {
                let child = [here.as_slice(), &[child.to_owned()]].concat();
                return self
                    .0
                    .contains_key(&child)
                    .then(|| [here.as_slice(), path].concat());
            }
        };
        let mut rest = path;
        while let Some(step) = rest
            .first()
            .filter(|step| ["crate", "self", "super"].contains(&step.as_str()))
        {
            if step == "super" {
                base.pop();
            }
            rest = &rest[1..];
        }
        Some([base.as_slice(), rest].concat())
    }

    /// Returns, for each module, the other modules whose items it uses.
    fn graph(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let exports = self.exports();
        let mut graph = BTreeMap::new();
        for (here, code) in &self.0 {
            let mut used = BTreeSet::new();
            let mut imported: BTreeMap<String, Module> = BTreeMap::new();
            for path in uses(code).into_iter().flat_map(|(_, tree)| tree) {
                if let Some(path) = self.resolve(&path, here) {
                    used.extend(self.owner(&path, &exports));
                    imported.insert(path.last().cloned().unwrap_or_default(), path);
                }
            }
            for path in paths(code) {
                let full = match imported.get(&path[0]) {
                    Some(module) => Some([module.as_slice(), &path[1..]].concat()),
                    None => self.resolve(&path, here),
                };
                used.extend(full.and_then(|full| self.owner(&full, &exports)));
            }
            used.remove(here);
            graph.insert(here.clone(), used);
        }
        graph
    }
}

/// Returns the trees of a file's `use` lines, each with whether it re-exports its items.
fn uses(code: &str) -> Vec<(bool, Vec<Module>)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at]
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .trim_start();
        if !(line.is_empty() || line.starts_with("pub")) {
            continue;
        }
        let tree = code[at + "use ".len()..]
            .split(';')
            .next()
            .unwrap_or_default();
        let mut all = Vec::new();
        unfold(&[], tree, &mut all);
        found.push((line.starts_with("pub"), all));
    }
    found
}

/// The paths of a `use` tree.
fn unfold(before: &[String], tree: &str, into: &mut Vec<Module>) {
    let (head, list) = match tree.split_once('{') {
        Some((head, rest)) => (head, rest.rsplit_once('}').map(|(list, _)| list)),
        None => (tree, None),
    };
    let name = |part: &str| {
        part.split(" as ")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let parts = head.split("::").map(name).filter(|part| !part.is_empty());
    let path: Module = before.iter().cloned().chain(parts).collect();
    let Some(list) = list else {
        into.push(path.into_iter().filter(|part| part != "*").collect());
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = &list[start..at];
                if part.trim() == "self" {
                    into.push(path.clone());
                } else if !part.trim().is_empty() {
                    unfold(&path, part, into);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Returns the paths with at least two parts in a file's code.
fn paths(code: &str) -> Vec<Module> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.lines()
        .filter(|line| !line.trim_start().starts_with("use ") && !line.contains("pub use "))
        .flat_map(|line| line.split(|c| !is_part(c) && c != ':'))
        .map(|path| path.split("::").map(str::to_owned).collect::<Module>())
        .filter(|path| path.len() > 1 && path.iter().all(|part| part.chars().all(is_part)))
        .collect()
}

/// Returns the modules that are reachable from one.
fn reachable<'g>(
    graph: &'g BTreeMap<Module, BTreeSet<Module>>,
    from: &'g Module,
) -> BTreeSet<&'g Module> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        let new = graph[module]
            .iter()
            .filter(|used| graph.contains_key(*used));
        next.extend(new.filter(|used| seen.insert(*used)));
    }
    seen
}

#[test]
fn no_files_form_a_cycle_except_those_that_recurse() {
    let graph = Modules::read().graph();
    let edges: usize = graph.values().map(BTreeSet::len).sum();
    assert!(edges > 1000, "the test finds only {edges} uses");
    let reachable: BTreeMap<&Module, BTreeSet<&Module>> = graph
        .keys()
        .map(|module| (module, reachable(&graph, module)))
        .collect();
    let mut cycles = BTreeSet::new();
    for (module, beyond) in &reachable {
        let cycle: BTreeSet<String> = beyond
            .iter()
            .filter(|other| *other != module && reachable[**other].contains(module))
            .chain([module])
            .map(|module| module.join("::"))
            .collect();
        if cycle.len() > 1 {
            cycles.insert(cycle);
        }
    }
    let known: BTreeSet<BTreeSet<String>> = RECURSION
        .iter()
        .map(|(files, _)| files.iter().map(|file| (*file).to_owned()).collect())
        .collect();
    assert_eq!(cycles, known, "break the cycle, or state why it recurses");
}

#[test]
fn every_engine_module_uses_only_the_floors_below_its_own() {
    let room = |module: &Module| {
        (module.first()? == "engine")
            .then(|| module.get(1).cloned())
            .flatten()
    };
    let floor = |room: &str| {
        let known = ENGINE_FLOORS.iter().find(|(name, _)| *name == room);
        known
            .unwrap_or_else(|| panic!("engine/{room} has no floor: add it"))
            .1
    };
    let mut wrong = Vec::new();
    let mut references = 0;
    for (module, used) in Modules::read().graph() {
        let Some(here) = room(&module) else { continue };
        for there in used.iter().filter_map(room).filter(|there| *there != here) {
            references += 1;
            if floor(&there) >= floor(&here) {
                wrong.push(format!("{}: {here} uses {there}", module.join("::")));
            }
        }
    }
    assert!(
        references > 100,
        "the test finds only {references} references"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_function_is_too_long() {
    let mut long = Vec::new();
    let mut functions = 0;
    for (path, text) in super::tidy::texts() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let is_function = code.split("fn ").next().is_some_and(|before| {
                before.split_whitespace().all(|word| {
                    word.starts_with("pub") || ["const", "async", "in", "crate)"].contains(&word)
                })
            });
            if !code.contains("fn ") || !is_function || code.ends_with(['}', ';']) {
                continue;
            }
            functions += 1;
            // In formatted code, a function ends with a brace below its first letter.
            let indent = &line[..line.len() - code.len()];
            let ends = |line: &&str| {
                let rest = line.strip_prefix(indent);
                rest.is_some_and(|rest| {
                    rest == "}" || (rest.ends_with(';') && rest.starts_with(')'))
                })
            };
            let end = lines[at..].iter().position(ends);
            let length = end.map_or(0, |end| end + 1);
            if length > LONGEST_FUNCTION {
                long.push(format!("{path}:{}: {length} lines", at + 1));
            }
        }
    }
    assert!(
        functions > 1000,
        "the test finds only {functions} functions"
    );
    assert!(long.is_empty(), "split them:\n{}", long.join("\n"));
}
