/** Hashes and hexadecimal texts. */

import { hexToU8a, isHex, u8aToHex } from "@polkadot/util";
import { blake2AsU8a, sha256AsU8a } from "@polkadot/util-crypto";

/** A text of the form `0x…`. */
export type Hex = `0x${string}`;

/** The bytes as text. */
export const hex = (bytes: Uint8Array): Hex => u8aToHex(bytes);

/** The bytes behind a text of hexadecimal digits, with or without `0x`. */
export function unhex(digits: string): Uint8Array {
	const prefixed = digits.startsWith("0x") ? digits : `0x${digits}`;
	if (!isHex(prefixed)) {
		throw new Error(`not hexadecimal: ${digits}`);
	}
	return hexToU8a(prefixed);
}

export const sha256 = (bytes: Uint8Array): Uint8Array => sha256AsU8a(bytes);

export const blake2 = (bytes: Uint8Array): Uint8Array => blake2AsU8a(bytes, 256);
