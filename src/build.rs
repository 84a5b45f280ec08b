//! Tells the program the name of the profile that it is built with.

use std::ffi::OsStr;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    // `PROFILE` only tells what a profile inherits from. The folder of its output has its own name:
    // `target/dist/build/loadgen-…/out`.
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let profile = Path::new(&out)
        .ancestors()
        .find(|folder| folder.file_name() == Some(OsStr::new("build")))
        .and_then(Path::parent)
        .and_then(Path::file_name)
        .and_then(OsStr::to_str)
        .unwrap_or("unknown");
    println!("cargo::rustc-env=LOADGEN_PROFILE={profile}");
}
