/** The CIDs that Waybill accepts: version 1, raw or dag-pb, 32 bytes of sha2-256 or blake2b-256. */

import { u8aEq } from "@polkadot/util";
import { CID } from "multiformats/cid";
import { blake2, type Hex, hex, sha256 } from "./bytes.ts";
import { concat, fixed, u8 } from "./scale.ts";

/** The codecs in the order of their variants on the chain. */
const CODECS = [
	{ code: 0x55, name: "raw", variant: "Raw" },
	{ code: 0x70, name: "dag-pb", variant: "DagPb" },
] as const;

/** The hash functions in the order of their variants on the chain. */
const HASHES = [
	{ code: 0x12, name: "sha2-256", variant: "Sha2_256", digest: sha256 },
	{ code: 0xb220, name: "blake2b-256", variant: "Blake2b256", digest: blake2 },
] as const;

/** What is wrong with bytes or a text. */
export type CidFault = "Malformed" | "UnsupportedVersion" | "UnsupportedCodec" | "UnsupportedHash" | "TrailingBytes";

/** A CID that Waybill accepts, or what is wrong with it. */
export type CidResult = CID | CidFault;

/** Checks a CID. */
function allowed(cid: CID): CidResult {
	if (cid.version !== 1) {
		return "UnsupportedVersion";
	}
	if (!CODECS.some(({ code }) => code === cid.code)) {
		return "UnsupportedCodec";
	}
	const known = HASHES.some(({ code }) => code === cid.multihash.code) && cid.multihash.digest.length === 32;
	return known ? cid : "UnsupportedHash";
}

/** Reads a text form. */
export function readCidText(text: string): CidResult {
	try {
		return allowed(CID.parse(text));
	} catch {
		return "Malformed";
	}
}

/** Reads the binary form. */
export function readCidBytes(bytes: Uint8Array): CidResult {
	try {
		const [cid, rest] = CID.decodeFirst(bytes);
		if (rest.length > 0) {
			return "TrailingBytes";
		}
		const result = allowed(cid);
		return typeof result === "string" || u8aEq(cid.bytes, bytes) ? result : "Malformed";
	} catch {
		return "Malformed";
	}
}

/** The names of a CID's parts. */
export function partsOf(cid: CID) {
	const codec = CODECS.findIndex(({ code }) => code === cid.code);
	const hash = HASHES.findIndex(({ code }) => code === cid.multihash.code);
	const [codecOf, hashOf] = [CODECS[codec], HASHES[hash]];
	if (!codecOf || !hashOf || cid.version !== 1) {
		throw new Error(`${cid} is not a CID that Waybill accepts`);
	}
	return { codec, codecOf, hash, hashOf, digest: fixed(cid.multihash.digest, 32) };
}

/**
 * A CID as the chain has it: a byte for the codec, a byte for the hash function, 32 bytes of
 * digest.
 */
export function encodeCid(cid: CID): Uint8Array {
	const { codec, hash, digest } = partsOf(cid);
	return concat(u8(codec), u8(hash), digest);
}

/** A CID as an argument of a call. */
export function cidArgument(cid: CID): { codec: string; hash: Record<string, Hex> } {
	const { codecOf, hashOf, digest } = partsOf(cid);
	return { codec: codecOf.variant, hash: { [hashOf.variant]: hex(digest) } };
}
