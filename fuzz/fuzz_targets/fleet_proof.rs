//! See `waybill_fuzz::fleet_proof`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::fleet_proof::run(data));
