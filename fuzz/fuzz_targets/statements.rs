//! See `waybill_fuzz::statements`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::statements::run(data));
