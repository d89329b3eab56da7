#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voting_gateway::testing::fuzz::live_frame(data));
