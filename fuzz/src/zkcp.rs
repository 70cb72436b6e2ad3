//! Proofs of data and of locks: honest ones with alterations, and bytes that claim to be a proof.
//!
//! A proof has some hundred kilobytes, so an input contains only alterations of a proof that is
//! made at the start. That proof is random. Its lists have the same lengths in every run, except
//! for the nodes of its trees.

use codec::Decode;
use std::sync::LazyLock;
use waybill_zkcp::{
	encrypt, payload_digests, prove, prove_locks, unwatched, verify, ChunkDigests, Key, Layout, LockTable, Nonce, OutOfRange,
};

/// The bytes at the start of every proof: its kind and the parameters.
const HEAD: usize = 27;
/// The field's order.
const ORDER: u32 = 0x7f00_0001;

/// The shape of a part of a proof.
enum Shape {
	/// A fixed number of bytes.
	Bytes(usize),
	/// A number in as many bytes as it needs.
	Number,
	/// A count, then that many parts of one shape.
	List(&'static Shape),
	/// A part that may be missing.
	Maybe(&'static Shape),
	/// Parts one after the other.
	All(&'static [Shape]),
}

use Shape::{All, Bytes, List, Maybe, Number};

const ELEMENT: Shape = Bytes(4);
const CHALLENGE: Shape = Bytes(16);
const HASH: Shape = Bytes(32);
const ELEMENTS: Shape = List(&List(&List(&ELEMENT)));
const CHALLENGES: Shape = List(&CHALLENGE);
const ROOTS: Shape = List(&HASH);
/// Salts, and the nodes beside the paths.
const OPENING: Shape = All(&[ELEMENTS, ROOTS]);
const COMMITMENTS: Shape = All(&[ROOTS, Maybe(&ROOTS), ROOTS, Maybe(&ROOTS)]);
const OPENED: Shape = All(&[
	CHALLENGES,
	Maybe(&CHALLENGES),
	Maybe(&CHALLENGES),
	Maybe(&CHALLENGES),
	List(&CHALLENGES),
	Maybe(&CHALLENGES),
	CHALLENGES,
	CHALLENGES,
]);
const FRI: Shape = All(&[
	ELEMENT,
	List(&ROOTS),
	List(&ELEMENT),
	List(&All(&[ELEMENTS, OPENING])),
	List(&All(&[List(&CHALLENGES), OPENING])),
	CHALLENGES,
	ELEMENT,
]);
const PROOF: Shape = All(&[
	COMMITMENTS,
	List(&OPENED),
	List(&List(&List(&CHALLENGES))),
	FRI,
	List(&Maybe(&CHALLENGE)),
	List(&Number),
	Maybe(&ELEMENT),
	ELEMENT,
]);
const DATA: Shape = All(&[List(&HASH), Number, List(&PROOF)]);
const LOCKS: Shape = All(&[List(&HASH), PROOF]);

/// A part of a proof.
#[derive(Clone)]
enum Part {
	Bytes(Vec<u8>),
	Number(u64),
	List(Vec<Part>),
	Maybe(Option<Box<Part>>, &'static Shape),
	All(Vec<Part>),
}

impl Part {
	fn read(shape: &'static Shape, bytes: &mut &[u8]) -> Option<Self> {
		Some(match shape {
			Bytes(length) => Self::Bytes(bytes.split_off(..*length)?.to_vec()),
			Number => Self::Number(number(bytes)?),
			List(of) => Self::List((0..number(bytes)?).map(|_| Self::read(of, bytes)).collect::<Option<_>>()?),
			Maybe(of) => match bytes.split_off_first()? {
				0 => Self::Maybe(None, of),
				1 => Self::Maybe(Some(Box::new(Self::read(of, bytes)?)), of),
				_ => return None,
			},
			All(shapes) => Self::All(shapes.iter().map(|shape| Self::read(shape, bytes)).collect::<Option<_>>()?),
		})
	}

	fn write(&self, bytes: &mut Vec<u8>) {
		match self {
			Self::Bytes(own) => bytes.extend(own),
			Self::Number(number) => write_number(*number, bytes),
			Self::List(parts) => {
				write_number(parts.len() as u64, bytes);
				parts.iter().for_each(|part| part.write(bytes));
			},
			Self::Maybe(part, _) => {
				bytes.push(u8::from(part.is_some()));
				part.iter().for_each(|part| part.write(bytes));
			},
			Self::All(parts) => parts.iter().for_each(|part| part.write(bytes)),
		}
	}

	/// The part at the end of a path, or the last one on it that exists.
	fn at(&mut self, path: &[u16]) -> &mut Self {
		let mut part = self;
		for step in path {
			if !part.has_parts() {
				break;
			}
			part = match part {
				Self::List(parts) | Self::All(parts) => {
					let place = usize::from(*step) % parts.len();
					&mut parts[place]
				},
				Self::Maybe(Some(inner), _) => inner,
				part => part,
			};
		}
		part
	}

	fn has_parts(&self) -> bool {
		match self {
			Self::List(parts) | Self::All(parts) => !parts.is_empty(),
			Self::Maybe(part, _) => part.is_some(),
			Self::Bytes(_) | Self::Number(_) => false,
		}
	}

	/// An empty part of a shape.
	fn empty(shape: &'static Shape) -> Self {
		match shape {
			Bytes(length) => Self::Bytes(vec![0; *length]),
			Number => Self::Number(0),
			List(_) => Self::List(Vec::new()),
			Maybe(of) => Self::Maybe(None, of),
			All(shapes) => Self::All(shapes.iter().map(Self::empty).collect()),
		}
	}
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
	let mut number = 0;
	for shift in (0..64).step_by(7) {
		let byte = *bytes.split_off_first()?;
		number |= u64::from(byte & 0x7f) << shift;
		if byte < 0x80 {
			return Some(number);
		}
	}
	None
}

fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
	while number >= 0x80 {
		bytes.push(number as u8 | 0x80);
		number >>= 7;
	}
	bytes.push(number as u8);
}

/// An honest proof, in parts.
struct Honest {
	bytes: Vec<u8>,
	parts: Part,
}

impl Honest {
	fn new(bytes: Vec<u8>, shape: &'static Shape) -> Self {
		let body = &mut &bytes[HEAD..];
		let parts = Part::read(shape, body).expect("proofs have this shape");
		assert!(body.is_empty());
		let honest = Self { parts, bytes };
		assert_eq!(honest.with(&[]), honest.bytes);
		honest
	}

	/// The proof's bytes after these alterations.
	fn with(&self, alterations: &[Alteration]) -> Vec<u8> {
		let mut parts = self.parts.clone();
		alterations.iter().take(8).for_each(|alteration| alter(parts.at(&alteration.path), &alteration.what));
		let mut bytes = self.bytes[..HEAD].to_vec();
		parts.write(&mut bytes);
		bytes
	}
}

/// The statement that is proved.
struct Statement {
	nonce: Nonce,
	payload: [u8; 32],
	commitment: [u8; 32],
}

struct World {
	statement: Statement,
	ciphertext: ChunkDigests,
	data: Honest,
	locks: Honest,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
	let nonce = Nonce([7; 32]);
	let key = |seed: u32| {
		let mut next = seed;
		Key::generate(|| {
			next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
			next
		})
	};
	let (content, payload) = (key(1), vec![0x5a; 100]);
	let layout = Layout::new(100).expect("it is short");
	let payload_digests = ChunkDigests::of_payload(&payload, layout, &mut unwatched).expect("it is in memory");
	let mut bytes = Vec::new();
	let ciphertext = encrypt::<_, _, OutOfRange>(&payload, layout, &content, &nonce, &mut bytes, &mut unwatched)
		.expect("it is in memory");
	let data = prove(&bytes, &payload_digests, &ciphertext, &content, &nonce, &mut unwatched).expect("it is true");
	let lock_keys: Vec<Key> = (0..240).map(|index| key(100 + index)).collect();
	let locks = prove_locks(&content, &lock_keys, &nonce).expect("it is true");
	World {
		statement: Statement { nonce, payload: payload_digests.id(), commitment: content.commitment() },
		ciphertext,
		data: Honest::new(data, &DATA),
		locks: Honest::new(locks, &LOCKS),
	}
});

/// The alterations of a proof.
#[derive(Decode, Debug)]
struct Case {
	/// Whether to alter the proof of locks instead of the proof of data.
	locks: bool,
	alterations: Vec<Alteration>,
	/// Then bytes are inserted or cut off.
	splice: Option<Splice>,
	/// Then a bit of the statement is flipped.
	statement: Option<(u8, u8)>,
}

#[derive(Decode, Debug)]
struct Alteration {
	path: Vec<u16>,
	what: What,
}

#[derive(Decode, Debug)]
enum What {
	Flip {
		at: u8,
		bit: u8,
	},
	/// Replaces an element by 0, 1 or a number near the order.
	Element {
		at: u8,
		which: u8,
	},
	Number(u64),
	Cut(u16),
	Remove(u16),
	Swap(u16, u16),
	Repeat {
		at: u16,
		times: u8,
	},
	Empty,
	Toggle,
}

#[derive(Decode, Debug)]
struct Splice {
	at: u32,
	cut: u32,
	insert: Vec<u8>,
}

/// Reads the bytes as alterations of a proof, and as the body of one.
pub fn run(data: &[u8]) {
	let Some((kind, mut rest)) = data.split_first() else { return };
	match kind % 4 {
		0 => raw(&WORLD.data, false, rest),
		1 => raw(&WORLD.locks, true, rest),
		_ => Case::decode(&mut rest).map(case).unwrap_or_default(),
	}
}

fn raw(honest: &Honest, locks: bool, body: &[u8]) {
	let bytes = [&honest.bytes[..HEAD], body].concat();
	assert!(!holds(&bytes, locks, &WORLD.statement));
	assert!(!holds(body, locks, &WORLD.statement));
}

fn case(case: Case) {
	let honest = if case.locks { &WORLD.locks } else { &WORLD.data };
	let mut bytes = honest.with(&case.alterations);
	if let Some(Splice { at, cut, insert }) = case.splice {
		let start = at as usize % (bytes.len() + 1);
		let end = bytes.len().min(start.saturating_add(cut as usize));
		bytes.splice(start..end, insert);
	}
	let Statement { nonce, mut payload, mut commitment } = WORLD.statement;
	let mut nonce = nonce.0;
	let mut is_same = bytes == honest.bytes;
	if let Some((at, bit)) = case.statement {
		// A proof of locks says nothing about the payload.
		let of = if case.locks {
			[&mut nonce, &mut commitment, &mut payload]
		} else {
			[&mut payload, &mut nonce, &mut commitment]
		};
		let at = usize::from(at) % if case.locks { 64 } else { 96 };
		of.into_iter().flatten().nth(at).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
		is_same = false;
	}
	let statement = Statement { nonce: Nonce(nonce), payload, commitment };
	assert_eq!(holds(&bytes, case.locks, &statement), is_same);
}

/// Whether the verifier accepts a proof.
fn holds(proof: &[u8], locks: bool, statement: &Statement) -> bool {
	let Statement { nonce, payload, commitment } = statement;
	if locks {
		return LockTable::verify(proof, nonce, commitment).is_ok();
	}
	let ciphertext = &WORLD.ciphertext;
	let digests = payload_digests(proof, *ciphertext.layout(), payload);
	let verified = verify(proof, nonce, payload, commitment, ciphertext);
	if let Ok(verified) = &verified {
		assert_eq!(digests.as_ref(), Ok(verified));
	}
	verified.is_ok()
}

fn alter(part: &mut Part, what: &What) {
	match (part, what) {
		(Part::Bytes(bytes), What::Flip { at, bit }) => bytes[usize::from(*at) % 4] ^= 1 << (bit % 8),
		(Part::Bytes(bytes), What::Element { at, which }) => {
			let element = [0, 1, ORDER - 1, ORDER, ORDER + 1, u32::MAX][usize::from(*which) % 6];
			let start = 4 * (usize::from(*at) % (bytes.len() / 4));
			bytes[start..start + 4].copy_from_slice(&element.to_le_bytes());
		},
		(Part::Number(own), What::Number(number)) => *own = *number,
		(Part::List(parts), what) => alter_list(parts, what),
		(Part::Maybe(part, _), What::Empty) => *part = None,
		(Part::Maybe(part, of), What::Toggle) => {
			*part = if part.is_some() { None } else { Some(Box::new(Part::empty(of))) };
		},
		_ => {},
	}
}

fn alter_list(parts: &mut Vec<Part>, what: &What) {
	let len = parts.len();
	let place = |at: &u16| usize::from(*at) % len.max(1);
	match what {
		What::Empty => parts.clear(),
		What::Cut(at) => parts.truncate(place(at)),
		_ if len == 0 => {},
		What::Remove(at) => {
			parts.remove(place(at));
		},
		What::Swap(one, other) => parts.swap(place(one), place(other)),
		What::Repeat { at, times } => {
			let part = parts[place(at)].clone();
			parts.extend(std::iter::repeat_n(part, 1 + usize::from(times % 16)));
		},
		_ => {},
	}
}
