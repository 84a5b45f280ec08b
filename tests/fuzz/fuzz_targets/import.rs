//! Feeds `source` with the fuzzer's input.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| loadgen_fuzz::imports::source(bytes));
