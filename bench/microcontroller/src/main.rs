//! The device's side of an exchange as a program for a microcontroller, to see how much flash it
//! takes: every step of an update, with messages and files that a driver would leave in memory.
//!
//! `make flash` builds it. It is not meant to run: it has no drivers, and starts nowhere.

#![no_std]
#![no_main]

extern crate alloc;

use core::{
	alloc::{GlobalAlloc, Layout},
	cell::UnsafeCell,
	panic::PanicInfo,
	ptr,
	sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use ed25519_dalek::SigningKey;
use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use waybill_exchange::{
	AccountId, ChainView, DeviceExchange, Invite, Message, Offer, Policy, Profile, SignedVerdict, Signer, Wanted,
};
use waybill_zkcp::{unwatched, OutOfRange};

/// Where a driver leaves what it has received, and its length in the first four bytes.
const MAILBOX: usize = 0x2000_0000;
/// Where the files begin in flash, a megabyte apart.
const FILES: usize = 0x0810_0000;

#[repr(C)]
struct Heap(UnsafeCell<[u8; HEAP]>, AtomicUsize);
const HEAP: usize = 64 << 10;

// SAFETY: one thread.
unsafe impl Sync for Heap {}

// SAFETY: every piece is given out once, and is large enough.
unsafe impl GlobalAlloc for Heap {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		let at = self.1.load(Relaxed).next_multiple_of(layout.align());
		if at + layout.size() > HEAP {
			return ptr::null_mut();
		}
		self.1.store(at + layout.size(), Relaxed);
		unsafe { self.0.get().cast::<u8>().add(at) }
	}

	unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Heap = Heap(UnsafeCell::new([0; HEAP]), AtomicUsize::new(0));

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
	loop {}
}

/// A dependency of HPKE links `getrandom`; nothing calls it.
fn no_randomness(_: &mut [u8]) -> Result<(), getrandom::Error> {
	Err(getrandom::Error::UNSUPPORTED)
}
getrandom::register_custom_getrandom!(no_randomness);

/// What a driver has received.
fn received() -> &'static [u8] {
	// SAFETY: nothing runs this.
	unsafe {
		let length = ptr::read_volatile(MAILBOX as *const u32) as usize;
		core::slice::from_raw_parts((MAILBOX + 4) as *const u8, length)
	}
}

/// Something that a driver has received in this form.
fn structure<T>() -> T {
	// SAFETY: nothing runs this.
	unsafe { ptr::read_volatile((MAILBOX + 4) as *const T) }
}

fn send(bytes: &[u8]) {
	for byte in bytes {
		// SAFETY: nothing runs this.
		unsafe { ptr::write_volatile(MAILBOX as *mut u8, *byte) }
	}
}

fn file(number: usize) -> &'static [u8] {
	// SAFETY: nothing runs this.
	unsafe { core::slice::from_raw_parts((FILES + (number << 20)) as *const u8, structure::<usize>()) }
}

/// Every step of an update.
fn update() -> Option<()> {
	let key = SigningKey::from_bytes(&structure::<[u8; 32]>());
	let mut rng = ChaCha20Rng::from_seed(structure());
	let profile = structure::<Profile>();
	let mut device = match received() {
		[] => DeviceExchange::new(profile, Policy::default(), key.public()),
		state => DeviceExchange::restore(profile, Policy::default(), key.public(), state).ok()?,
	};
	let view = structure::<ChainView>();
	let now = structure::<u64>();
	device.look(&view.head, now).ok()?;
	device.judge(&view.release).ok()?;
	let invite = Invite::from_cbor(received()).ok()?;
	let wanted = Wanted { distributor: structure::<AccountId>(), bounty: structure() };
	send(&device.hello(&key, &invite, wanted, &mut rng).ok()?.to_cbor());
	send(&device.to_bytes());
	device.offer(&Offer::from_cbor(received()).ok()?, &view, now).ok()?;
	let mut check = device.ciphertext_check().ok()?;
	check.update(file(0)).ok()?;
	device.ciphertext_complete(check).ok()?;
	let verification = device.verification().ok()?;
	let verified = if cfg!(feature = "hub") {
		send(&verification.query().to_cbor());
		let verdict = SignedVerdict::from_cbor(received()).ok()?.open(verification.query(), &structure())?;
		verification.believe(&verdict, file(1))
	} else {
		verification.run(file(0), file(1), file(2), &mut unwatched).ok()?
	};
	device.verified(verified).ok()?;
	send(&device.sign_receipt(&key, &view, now).ok()?.persisted().to_cbor());
	device.observe(&view, now).ok()?;
	device.key(&structure()).ok()?;
	let decryption = device.decryption().ok()?;
	let mut payload = alloc::vec::Vec::new();
	let decrypted = decryption.run::<OutOfRange, _, _>(file(0), file(1), &mut payload, &mut unwatched).ok()?;
	device.decrypted(decrypted).ok()?;
	let approval = device.approve(&view, now).ok()?;
	device.installed(approval).ok()?;
	send(&device.to_bytes());
	Some(())
}

/// Where the program would start.
#[no_mangle]
pub extern "C" fn _start() -> ! {
	let _ = update();
	loop {}
}
