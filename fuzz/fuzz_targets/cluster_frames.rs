#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voting_cluster::testing::fuzz::frames(data));
