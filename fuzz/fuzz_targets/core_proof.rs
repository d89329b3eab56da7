#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voting_core::testing::fuzz::proof(data));
