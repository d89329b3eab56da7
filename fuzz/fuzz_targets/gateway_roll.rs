#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voting_gateway::testing::fuzz::roll_file(data));
