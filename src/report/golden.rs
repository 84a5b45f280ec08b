//! Golden files of the text formats, from fixed results. `LOADGEN_BLESS=1` updates them.

use std::path::Path;

/// Compares a text with its golden file.
pub(super) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("LOADGEN_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; LOADGEN_BLESS=1 writes it", path.display()));
    assert!(
        golden == text,
        "{name} has changed; if on purpose, LOADGEN_BLESS=1 writes it anew. It is now:\n{text}"
    );
}
