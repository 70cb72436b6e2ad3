/** Ed25519 keys of devices and of vendors' releases. */

import { randomBytes } from "node:crypto";
import { u8aToBn } from "@polkadot/util";
import { ed25519PairFromSeed, ed25519Sign, ed25519Verify } from "@polkadot/util-crypto";
import { type Hex, hex, unhex } from "./bytes.ts";
import { type Kind, signingBytes } from "./statements.ts";

/** A key pair that signs statements. */
export class SigningKey {
	readonly publicKey: Uint8Array;
	readonly #secretKey: Uint8Array;

	constructor(seed: Uint8Array = randomBytes(32)) {
		const { publicKey, secretKey } = ed25519PairFromSeed(seed);
		this.publicKey = publicKey;
		this.#secretKey = secretKey;
	}

	/** The signature over a statement on the chain with this genesis hash. */
	sign<S>(kind: Kind<S>, statement: S, genesis: Uint8Array): Uint8Array {
		return this.signBytes(signingBytes(kind, statement, genesis));
	}

	/** The signature over plain bytes. */
	signBytes(bytes: Uint8Array): Uint8Array {
		return ed25519Sign(bytes, { publicKey: this.publicKey, secretKey: this.#secretKey });
	}
}

/** Some fresh keys. */
export const freshKeys = (count: number): SigningKey[] => Array.from({ length: count }, () => new SigningKey());

/** A key or signature as an argument of a call. */
export const ed25519 = (bytes: Uint8Array): { Ed25519: Hex } => ({ Ed25519: hex(bytes) });

/** The text form of a key, as in configuration and manifests. */
export const keyText = (key: Uint8Array): string => `ed25519:${hex(key).slice(2)}`;

/** Reads the text form of a key. */
export function readKeyText(text: string): Uint8Array | undefined {
	const [, digits] = /^ed25519:([0-9a-f]{64})$/.exec(text) ?? [];
	return digits === undefined ? undefined : unhex(digits);
}

/** The field of the curve. */
const P = (1n << 255n) - 19n;

/** The y coordinates of the points of small order. */
const SMALL_ORDER = new Set([
	0n,
	1n,
	P - 1n,
	littleEndian(unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
	littleEndian(unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
]);

function littleEndian(bytes: Uint8Array): bigint {
	return BigInt(u8aToBn(bytes, { isLe: true }).toString());
}

/**
 * Whether anyone could sign for the key: a point of small order, or an encoding that is not
 * canonical.
 */
export function isWeak(key: Uint8Array): boolean {
	const y = littleEndian(key) & ((1n << 255n) - 1n);
	return y >= P || SMALL_ORDER.has(y);
}

/** Whether this is a valid signature over these bytes, by a key that is not weak. */
export function verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	return !isWeak(key) && ed25519Verify(bytes, signature, key);
}
