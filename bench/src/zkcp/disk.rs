//! A long payload whose bytes are in files, as distributors and devices have them.

use super::common::{fastest, key, peak, NONCE};
use crate::{
	measures::{DECRYPT, DIGEST, ENCRYPT, EXPANSION, HASH, PEAK_BYTES, PROOF_BYTES, PROVE, VERIFY},
	report::{digits, Report},
};
use anyhow::{ensure, Context, Result};
use std::{
	fs::File,
	io::{self, BufWriter, Write},
	path::Path,
};
use waybill_zkcp::{decrypt, encrypt, prove, unwatched, verify, ChunkDigests, Layout, WriteAt, CHUNK_CIPHERTEXT};

/// The case's name.
pub const CASE: &str = "1GiB on disk";
const LENGTH: u64 = 1 << 30;
/// The chunk that is spoilt and recovered.
const SPOILT: u64 = 1_000;

/// Measures it. Takes some minutes and 4 GiB of disk.
pub fn measure(report: &mut Report) -> Result<()> {
	// Beside the programs, because the system's folder for temporary files may be in memory.
	let program = std::env::current_exe()?;
	let folder = tempfile::tempdir_in(program.parent().context("a program is in a folder")?)?;
	let file = |name: &str| new_file(&folder.path().join(name));
	let (payload, mut ciphertext, mut output) = (file("payload")?, file("ciphertext")?, file("output")?);
	fill(&payload)?;
	let (layout, key) = (Layout::new(LENGTH).context("the payload is too long")?, key(1));

	let (digesting, digests) = fastest(1, || Ok(ChunkDigests::of_payload(&payload, layout, &mut unwatched)?))?;
	let (encrypting, encrypted) =
		fastest(1, || Ok(encrypt::<_, _, io::Error>(&payload, layout, &key, &NONCE, &mut ciphertext, &mut unwatched)?))?;
	let (proving, proof) = fastest(2, || Ok(prove(&ciphertext, &digests, &encrypted, &key, &NONCE, &mut unwatched)?))?;
	let peak = peak()?;
	let (hashing, hashed) = fastest(1, || Ok(ChunkDigests::of_ciphertext(&ciphertext, layout, &mut unwatched)?))?;
	let (id, commitment) = (digests.id(), key.commitment());
	let (verifying, _) = fastest(3, || Ok(verify(&proof, &NONCE, &id, &commitment, &hashed)?))?;
	report.figure(&DIGEST, CASE, digits(digesting));
	report.figure(&ENCRYPT, CASE, digits(encrypting));
	report.figure(&PROVE, CASE, digits(proving));
	report.figure(&HASH, CASE, digits(hashing));
	report.figure(&VERIFY, CASE, digits(verifying));
	report.figure(&PROOF_BYTES, CASE, proof.len());
	report.figure(&PEAK_BYTES, CASE, peak);
	report.figure(&EXPANSION, CASE, digits(ciphertext.metadata()?.len() as f64 / LENGTH as f64));

	let mut decrypting = |ciphertext: &File| {
		fastest(1, || Ok(decrypt::<_, _, io::Error>(ciphertext, &digests, &key, &NONCE, &mut output, &mut unwatched)?))
	};
	report.figure(&DECRYPT, CASE, digits(decrypting(&ciphertext)?.0));
	ciphertext.write_at(SPOILT * CHUNK_CIPHERTEXT as u64, &[0; CHUNK_CIPHERTEXT])?;
	report.figure(&DECRYPT, &format!("{CASE}, repaired"), digits(decrypting(&ciphertext)?.0));
	let is_same = ChunkDigests::of_payload(&output, layout, &mut unwatched)?.id() == id;
	ensure!(is_same, "the decrypted payload differs");
	Ok(())
}

fn new_file(path: &Path) -> Result<File> {
	Ok(File::options().read(true).write(true).create_new(true).open(path)?)
}

/// Writes the payload; its bytes differ from chunk to chunk.
fn fill(file: &File) -> Result<()> {
	let mut writer = BufWriter::new(file);
	for number in 0..LENGTH / 8 {
		writer.write_all(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())?;
	}
	Ok(writer.flush()?)
}
