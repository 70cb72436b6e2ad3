//! How much memory a device needs. The README has the figures.

// Counting takes an allocator.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::{
	alloc::{GlobalAlloc, Layout, System},
	sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
	thread,
};
use waybill_primitives::Suite;
use waybill_zkcp::{unwatched, OutOfRange};

/// The size of the payload.
const PAYLOAD: usize = 1 << 20;
/// The most heap that the check of the proofs has at once, beside the files: those may be in flash.
const PROOFS: usize = 5 << 19;
/// The most heap that decryption has at once.
const DECRYPTION: usize = 5 << 18;
/// The most heap that signing a receipt has at once.
const RECEIPT: usize = 32 << 10;
/// The stack that is enough for every step.
const STACK: usize = 64 << 10;

/// Counts while somebody measures.
struct Counting;

static IS_ON: AtomicBool = AtomicBool::new(false);
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		if IS_ON.load(SeqCst) {
			PEAK.fetch_max(HELD.fetch_add(layout.size(), SeqCst) + layout.size(), SeqCst);
		}
		unsafe { System.alloc(layout) }
	}

	unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
		if IS_ON.load(SeqCst) {
			// What was there before is not counted.
			let _ = HELD.fetch_update(SeqCst, SeqCst, |held| Some(held.saturating_sub(layout.size())));
		}
		unsafe { System.dealloc(memory, layout) }
	}
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most heap that `step` has at once, in bytes, on a small stack.
fn heap_of<T: Send>(step: impl FnOnce() -> T + Send) -> (T, usize) {
	thread::scope(|scope| {
		let measured = move || {
			HELD.store(0, SeqCst);
			PEAK.store(0, SeqCst);
			IS_ON.store(true, SeqCst);
			let result = step();
			IS_ON.store(false, SeqCst);
			(result, PEAK.load(SeqCst))
		};
		thread::Builder::new().stack_size(STACK).spawn_scoped(scope, measured).unwrap().join().unwrap()
	})
}

/// One test, because the allocator counts for all threads.
#[test]
fn device_should_need_little_memory() {
	let mut world = World::for_payload(Suite::Zkcp, payload(PAYLOAD), |_| ());
	let (mut device, mut server) = (world.device(), world.server(1));
	device.until_unverified(&world, &mut server);
	let ((), proofs) = heap_of(|| device.verify(&server).unwrap());
	let view = world.chain.view();
	let (receipt, signing) = heap_of(|| device.exchange.sign_receipt(&device.signer, &view, NOW).unwrap().persisted());
	let key = server.settle(&receipt, &mut world.chain);
	device.exchange.key(&key).unwrap();
	let mut payload = Vec::with_capacity(server.ciphertext.len());
	let (decrypted, decryption) = heap_of(|| {
		let decryption = device.exchange.decryption().unwrap();
		decryption
			.run::<OutOfRange, _, _>(&server.ciphertext[..], &server.proofs.data, &mut payload, &mut unwatched)
			.unwrap()
	});
	device.exchange.decrypted(decrypted).unwrap();
	assert_eq!(payload, world.payload);
	let state = device.exchange.to_bytes().len();
	println!(
		"proofs {proofs}, receipt {signing}, decryption {decryption}, state {state}, files {} and {} and {} bytes",
		server.ciphertext.len(),
		server.proofs.data.len(),
		server.proofs.locks.len()
	);
	assert!(proofs <= PROOFS && decryption <= DECRYPTION && signing <= RECEIPT);
}
