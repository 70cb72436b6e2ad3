//! See `waybill_fuzz::zkcp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waybill_fuzz::zkcp::run(data));
