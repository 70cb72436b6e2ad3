//! See `waybill_fuzz::dag`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::dag::run(data));
