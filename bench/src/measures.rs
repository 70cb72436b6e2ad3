//! Every figure that the benchmarks print, with its unit and its meaning.

/// A kind of figure; it is measured in one case or in several.
#[derive(Debug, PartialEq, Eq)]
pub struct Measure {
	/// Its name in the output.
	pub name: &'static str,
	/// Its unit; empty for a plain number.
	pub unit: &'static str,
	/// What it says, for readers of `docs/figures.md`.
	pub meaning: &'static str,
}

/// Measures that stand in one table.
pub struct Section {
	/// The heading.
	pub title: &'static str,
	/// What readers must know before they read the table.
	pub text: &'static str,
	/// The rows, in their order.
	pub measures: &'static [&'static Measure],
}

/// Declares each measure inside its section, so none can be forgotten in the document.
macro_rules! sections {
	($($title:literal, $text:literal { $($measure:ident: $name:literal, $unit:literal, $meaning:literal;)* })*) => {
		$($(#[doc = $meaning] pub const $measure: Measure = Measure { name: $name, unit: $unit, meaning: $meaning };)*)*

		/// The sections of the document, in order.
		pub const SECTIONS: &[Section] = &[
			$(Section { title: $title, text: $text, measures: &[$(&$measure),*] }),*
		];
	};
}

sections! {
	"Runtime", "The runtime of this commit. These figures do not depend on the machine." {
		WASM_BYTES: "wasm_bytes", "B", "the runtime as the chain stores it";
	}

	"Filling blocks",
	"What somebody pays to keep others out of blocks, calculated from the runtime's weights and fees.\n\
	 The state is that of a genesis without settings: slots of 3,000 ms and the default window.\n\
	 These figures do not depend on the machine." {
		WINDOW_BLOCKS: "window_blocks", "blocks", "a reservation's exclusive window";
		BLOCK_FEES: "block_fees", "UNIT", "fees that fill one block with ordinary transactions, at the lowest fee level";
		WINDOW_FEES: "window_fees", "UNIT", "fees that fill every block of the window by weight";
		FEE_RISE: "fee_rise", "%", "how far full blocks raise the fee for weight";
		FEE_DOUBLING: "fee_doubling", "blocks", "full blocks until the fee for weight has doubled";
		CLAIMS_PER_BLOCK: "claims_per_block", "claims", "claims that fit one block; the smaller number counts";
	}

	"Deliveries",
	"A fleet of a million devices; deliveries go to devices drawn at random unless a case says otherwise.\n\
	 The two rates are measured on one node of the chain `dev` and end with finality.\n\
	 They depend on its slot length, as the runtime limits the work of each block.\n\
	 The other figures are measured without a node and do not depend on it." {
		SLOT_MILLISECONDS: "slot_milliseconds", "ms", "time between two blocks of the chain that the rates are measured on";
		TRANSFERS_PER_SECOND: "transfers_per_second", "1/s",
			"plain transfers, from the first submission until the last is final, for comparison";
		DELIVERIES_PER_SECOND: "deliveries_per_second", "1/s",
			"deliveries, from the first `reserve` submitted until the last `claim` is final";
		DELIVERY_BYTES: "delivery_bytes", "B",
			"a delivery's share of its `reserve` and `claim` in a block; a case that names a proof of membership is a form \
			 that was not chosen";
		DELIVERY_MICROSECONDS: "delivery_microseconds", "us",
			"the wasm runtime's time for a delivery, `reserve` and `claim`, in full batches; signature, proof and hash are \
			 timed natively, and storage is the rest: state, events, decoding, wasm";
		STATE_BITS: "state_bits_per_device", "bit", "state that a bounty and its fleet take, keys included";
	}

	"Lock hash", "The chain computes this hash for every key that a claim reveals." {
		LOCK_HASH: "lock_hash_microseconds", "us", "one hash of a revealed key";
	}

	"Permutations",
	"The hash's permutation, Poseidon of width 16, beside those that could take its place.\n\
	 All are timed natively." {
		PERMUTATION: "zkcp_permutation_nanoseconds", "ns", "one permutation, alone or with the processor's vectors full";
	}

	"Proofs of data",
	"Each case is a payload of this length, in a process of its own.\n\
	 From 4 MiB on a sample of the chunks is proved.\n\
	 `chunked` proves every chunk of a longer payload, to show what sampling is worth.\n\
	 `on disk` reads and writes files, which the system may cache." {
		DIGEST: "zkcp_digest_seconds", "s", "the digest of the payload, which the vendor signs";
		ENCRYPT: "zkcp_encrypt_seconds", "s", "encrypting, with the chunks that the code adds";
		PROVE: "zkcp_prove_seconds", "s", "proving that the ciphertext decrypts to the payload";
		HASH: "zkcp_hash_seconds", "s", "the digest of the ciphertext, which a device computes before it checks";
		VERIFY: "zkcp_verify_seconds", "s", "checking the proof, the ciphertext's digest at hand";
		DECRYPT: "zkcp_decrypt_seconds", "s", "decrypting; `repaired` also recovers one spoilt chunk from the others";
		PROOF_BYTES: "zkcp_proof_bytes", "B", "the file with the proof";
		PEAK_BYTES: "zkcp_peak_bytes", "B", "the most memory that the prover's process has had";
		VERIFY_PEAK: "zkcp_verify_peak_bytes", "B", "memory that a device adds to hash and check, the ciphertext on disk";
		EXPANSION: "zkcp_expansion", "", "length of the ciphertext over that of the payload";
		CIPHER_RATE: "zkcp_cipher_mib_per_second", "MiB/s", "encrypting and decrypting on one core, with the digests";
	}

	"Proofs of locks", "The largest table of locks, which serves 15,360 devices." {
		LOCK_PROVE: "zkcp_lock_prove_microseconds", "us", "proving, for each lock";
		LOCK_CHECK: "zkcp_lock_check_microseconds", "us", "a device's check of its lock against the checked table";
		LOCK_VERIFY: "zkcp_lock_verify_seconds", "s", "checking the proof of the table";
		LOCK_PEAK: "zkcp_lock_peak_bytes", "B", "the most memory that the prover's process has had";
		LOCK_BYTES: "zkcp_lock_bytes", "B", "what a device receives, and its share of the proof that all fetch";
	}

	"Groth16, for comparison",
	"The same statement under Groth16 (arkworks, BN254), in its best form. It needs a trusted set-up." {
		GROTH16_CONSTRAINTS: "groth16_constraints", "", "constraints of the circuit";
		GROTH16_SETUP: "groth16_setup_seconds", "s", "the set-up for one payload length";
		GROTH16_VERIFY: "groth16_verify_seconds", "s", "checking the proof";
		GROTH16_PROVE: "groth16_prove_seconds", "s", "proving; longer payloads are extrapolated by their constraints";
	}
}

/// The measure of this name.
pub fn named(name: &str) -> Option<&'static Measure> {
	SECTIONS.iter().flat_map(|section| section.measures).copied().find(|measure| measure.name == name)
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::collections::BTreeSet;

	#[test]
	fn each_name_should_stand_for_one_measure() {
		let all = || SECTIONS.iter().flat_map(|section| section.measures);
		assert_eq!(all().map(|measure| measure.name).collect::<BTreeSet<_>>().len(), all().count());
		assert_eq!(named("wasm_bytes"), Some(&WASM_BYTES));
		assert_eq!(named("wasm_byte"), None);
	}
}
