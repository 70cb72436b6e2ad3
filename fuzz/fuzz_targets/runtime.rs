//! See `waybill_fuzz::runtime`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::runtime::run(data));
