//! From the text of a scenario to its plan: parsing, checks, lints and the fingerprint, for a small
//! one, the largest shipped one, and one of 200 steps. This cost arises once per run, in `validate`
//! and at start-up (`scale.py startup`).

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::scenario::{Overrides, Source, compile};

fn many_steps() -> String {
    let step = |i: usize| {
        format!(
            "      - {{ get: \"/items/{{{{n + {i}}}}}\", name: item {i}, expect: {{ status: 200, size: {{ min: 1B }} }} }}\n"
        )
    };
    let steps: String = (0..200).map(step).collect();
    format!(
        "name: many\nvars: {{ n: 1 }}\ntargets: {{ t: {{ url: builtin }} }}\nmix:\n  - name: m\n    flow:\n{steps}load: {{ vus: 1, iterations: 1 }}\n"
    )
}

fn plans(c: &mut Criterion) {
    let mut group = c.benchmark_group("scenario");
    for (name, text) in [
        (
            "mock-sleep.yaml",
            include_str!("../scenarios/mock-sleep.yaml").to_owned(),
        ),
        ("api.yaml", include_str!("../scenarios/api.yaml").to_owned()),
        ("200 steps", many_steps()),
    ] {
        let source = Source::inline(name, text.as_str());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                compile(&source, &Overrides::default(), &|_| None).expect("the scenario is good")
            })
        });
    }
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
