//! Ends a program at its start, with a message, if the processor lacks what it was built for.
//!
//! `use waybill_cpu as _;` in a program is enough.

#![no_std]

#[cfg(all(target_arch = "x86_64", target_feature = "avx2", target_os = "linux"))]
mod x86_64_v3;
