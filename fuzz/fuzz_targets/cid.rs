//! See `waybill_fuzz::cid`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::cid::run(data));
