//! Draws the output of `peers.py cost --save`: `cargo bench --profile dev --bench chart -- figures.json
//! cost.png`. The picture is PNG, or SVG if its name says so. It is not a benchmark, so `cargo bench`
//! skips it.

use std::error::Error;
use std::path::Path;

use loadgen::report::chart::{rendered, tools};

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds a flag of its own for benches that measure.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [figures, to] = arguments.as_slice() else {
        return Err("usage: chart FIGURES.json PICTURE.png".into());
    };
    let svg = tools::svg(&std::fs::read_to_string(figures)?)?;
    let is_svg = Path::new(to)
        .extension()
        .is_some_and(|extension| extension == "svg");
    let picture = if is_svg {
        svg.into_bytes()
    } else {
        rendered(&svg)?
    };
    std::fs::write(to, picture)?;
    Ok(())
}
