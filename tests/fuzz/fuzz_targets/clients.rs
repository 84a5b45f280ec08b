//! Feeds both clients of HTTP/1.1 the fuzzer's input, as what a peer sends.
#![no_main]

use loadgen::transport::differential::{Script, compare};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(difference) = compare(&Script::from_bytes(bytes)) {
        panic!("{difference}");
    }
});
