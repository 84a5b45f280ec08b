//! Feeds `histogram` with what the fuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| loadgen_fuzz::results::histogram(bytes));
