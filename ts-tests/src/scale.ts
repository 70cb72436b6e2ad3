/**
 * The few SCALE encodings in Waybill's statements. They are written out, to check the chain's own.
 */

import { compactToU8a, u8aConcat } from "@polkadot/util";

/** A byte. */
export function u8(value: number): Uint8Array {
	if (!Number.isInteger(value) || value < 0 || value > 0xff) {
		throw new RangeError(`${value} is not a u8`);
	}
	return Uint8Array.of(value);
}

/** Four bytes, little-endian. */
export function u32(value: number): Uint8Array {
	const bytes = new Uint8Array(4);
	if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
		throw new RangeError(`${value} is not a u32`);
	}
	new DataView(bytes.buffer).setUint32(0, value, true);
	return bytes;
}

/** Eight bytes, little-endian. */
export function u64(value: bigint): Uint8Array {
	const bytes = new Uint8Array(8);
	if (BigInt.asUintN(64, value) !== value) {
		throw new RangeError(`${value} is not a u64`);
	}
	new DataView(bytes.buffer).setBigUint64(0, value, true);
	return bytes;
}

/** Bytes of a fixed length, as they are. */
export function fixed(value: Uint8Array, length: number): Uint8Array {
	if (value.length !== length) {
		throw new RangeError(`${length} bytes expected, got ${value.length}`);
	}
	return value;
}

/** A sequence: its length as a compact number, then its members. */
export function sequence(members: readonly Uint8Array[]): Uint8Array {
	return u8aConcat(compactToU8a(members.length), ...members);
}

/** A text: its length in bytes as a compact number, then UTF-8. */
export function text(value: string): Uint8Array {
	const bytes = new TextEncoder().encode(value);
	return u8aConcat(compactToU8a(bytes.length), bytes);
}

/** The members of a tuple or struct, one after another. */
export function concat(...parts: Uint8Array[]): Uint8Array {
	return u8aConcat(...parts);
}
