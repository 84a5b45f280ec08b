//! Reports a panic, which is a bug in the program: its location, and the literal message at that
//! place. Messages formatted from values are omitted, because they may contain a secret that is not
//! known here.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::Location;

/// Replaces the default panic hook, in every thread of this process.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let mut text = words(
            thread.name().unwrap_or("unnamed"),
            info.payload(),
            info.location(),
        );
        // Only names of functions and lines, and only if RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text.push_str(&format!("{trace}"));
        }
        // If stderr cannot be written to, nothing else could report it.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }));
}

fn words(thread: &str, payload: &(dyn Any + Send), location: Option<&Location<'_>>) -> String {
    let place = location.map_or_else(String::new, |at| format!(" at {at}"));
    // A literal message is a `str`; a formatted one is a `String`.
    let said = payload.downcast_ref::<&'static str>().map_or_else(
        || "its values are not shown".to_owned(),
        ToString::to_string,
    );
    format!(
        "thread '{thread}' panicked{place}: {said}; this is a bug in loadgen; please report it with this line\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{catch_unwind, panic_any};

    fn said(panics: impl FnOnce() + std::panic::UnwindSafe) -> String {
        words(
            "w",
            &*catch_unwind(panics).expect_err("it panics"),
            Some(Location::caller()),
        )
    }

    #[test]
    fn a_panic_tells_where_it_was_and_no_value() {
        let secret = || "tok-55d2".to_owned();
        let failed = || "no number".parse::<u8>().map_err(|_| secret());
        let texts = [
            said(|| panic!("{} is none", secret())),
            said(move || assert_eq!(failed().expect("a good one"), 7_u8)),
            said(|| assert_eq!(secret(), "other")),
            said(|| panic_any(secret())),
            said(|| panic_any(7)),
        ];
        for text in texts {
            assert!(
                !text.contains("tok-55d2")
                    && text.contains("thread 'w' panicked at src/cli/panic.rs:"),
                "{text}"
            );
            assert!(text.ends_with(": its values are not shown; this is a bug in loadgen; please report it with this line\n"), "{text}");
        }
        let plain = said(|| panic!("a plain word"));
        assert!(plain.contains(": a plain word; this is a bug"), "{plain}");
    }
}
