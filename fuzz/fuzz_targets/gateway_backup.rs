#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voting_gateway::testing::fuzz::backup_file(data));
