//! The cost of inserting values into a template of a request: into a path, by expressions of
//! increasing cost, and into a JSON body of 1 KB. A request without values is created once before
//! the run, so `static` never costs anything per request: it is the baseline.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::plan::{Encode, Name, Template};
use loadgen::value::{Facts, Names, Text};
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;
use serde_json::json;

fn with(expression: &str, encode: Encode) -> Template {
    let mut template = Template::from("/items/");
    template.push_value(expression, encode);
    template
}

/// Creates a body of 1 KB with two values.
fn body() -> Template {
    let mut template = Template::from("{\"id\":");
    template.push_value("id", Encode::Json);
    template.push_text(&format!(",\"note\":\"{}\",\"who\":\"", "x".repeat(1_000)));
    template.push_value("items[1].name", Encode::JsonText);
    template.push_text("\"}");
    template
}

fn render(c: &mut Criterion) {
    let items = json!([{"name": "a pen", "price": 1.5}, {"name": "a book", "price": 12.0}]);
    let value = |name: &str, value| Name {
        name: name.into(),
        value: Some(value),
    };
    let names = Names::new(&[value("id", json!(4_711)), value("items", items)]);
    let mut group = c.benchmark_group("template");
    for (name, template) in [
        ("static", Template::from("/items/4711")),
        ("one variable", with("id", Encode::Path)),
        ("a part of a list", with("items[1].name", Encode::Query)),
        (
            "an expression",
            with("items|length * 10 + id", Encode::Path),
        ),
        ("a function", with("random_int(1, 1000)", Encode::Path)),
        ("a body of 1 KB", body()),
    ] {
        let text = Text::compile(&template, &names).expect("the template is good");
        let facts = Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(1), 1, 0));
        let mut out = String::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                text.render(names.start(), &facts, &mut out)
                    .expect("it can be rendered");
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
