//! What is said where the program panics, which is a defect of it: where, and what a person wrote
//! there. What is made of values at that place is left out, because there may be a secret among
//! them, and of these nothing is known here.

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
        // Names of functions and lines alone; only where RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text.push_str(&format!("{trace}"));
        }
        // Where nobody can hear, there is nobody to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }));
}

fn words(thread: &str, payload: &(dyn Any + Send), location: Option<&Location<'_>>) -> String {
    let place = location.map_or_else(String::new, |at| format!(" at {at}"));
    // A text that stands in the program is a `str`; one that is made when it happens is a `String`.
    let said = payload.downcast_ref::<&'static str>().map_or_else(
        || "its values are not shown".to_owned(),
        ToString::to_string,
    );
    format!(
        "thread '{thread}' panicked{place}: {said}; this is a defect of loadgen, please report it with this line\n"
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
            assert!(text.ends_with(": its values are not shown; this is a defect of loadgen, please report it with this line\n"), "{text}");
        }
        let plain = said(|| panic!("a plain word"));
        assert!(
            plain.contains(": a plain word; this is a defect"),
            "{plain}"
        );
    }
}
