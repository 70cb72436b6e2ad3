/** The statements that Waybill's keys sign, encoded only by their documentation. */

import type { CID } from "multiformats/cid";
import { encodeCid } from "./cid.ts";
import { concat, fixed, sequence, text, u8, u32, u64 } from "./scale.ts";

/** An Ed25519 public key of a device or a vendor. */
export type Key = Uint8Array;

/** A payload's digest, by default under the suite `Plain`. */
export type Digest = Uint8Array;

/** The suites of algorithms, by their numbers. */
export const SUITES = ["Plain", "Zkcp"] as const;
export type Suite = (typeof SUITES)[number];

export interface Version {
	readonly major: number;
	readonly minor: number;
	readonly patch: number;
}

export interface HelloStatement {
	readonly distributor: Uint8Array;
	readonly distributorNonce: Uint8Array;
	readonly deviceNonce: Uint8Array;
	readonly exchangeKey: Uint8Array;
}

export interface ReceiptStatement {
	readonly bounty: bigint;
	readonly deviceIndex: number;
	readonly digest: Digest;
	readonly lock: Uint8Array;
	readonly distributor: Uint8Array;
	readonly validUntil: number;
}

export interface ReleaseStatement {
	readonly model: bigint;
	readonly version: Version;
	readonly securityVersion: number;
	readonly payload: CID;
	readonly size: bigint;
	readonly sha256: Uint8Array;
	readonly digest: Digest;
}

export interface KeySet {
	readonly threshold: number;
	readonly keys: readonly Key[];
}

export interface KeySetStatement {
	readonly vendor: Uint8Array;
	readonly version: number;
	readonly keySet: KeySet;
}

export const YANKS = ["Faulty", "Vulnerable", "Compromised"] as const;
export type Yank = (typeof YANKS)[number];

export interface YankStatement {
	readonly release: bigint;
	readonly reason: Yank;
}

export const VERDICTS = ["Available", "Unreachable", "Mismatch"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface VoteStatement {
	readonly release: bigint;
	readonly round: number;
	readonly verdict: Verdict;
}

const hash = (bytes: Uint8Array) => fixed(bytes, 32);

/** A device's or release's public key, of the only kind so far: `Ed25519`. */
export const encodeKey = (key: Key): Uint8Array => concat(u8(0), hash(key));

/** A digest of a suite. */
export const encodeDigest = (digest: Digest, suite: Suite = "Plain"): Uint8Array =>
	concat(u8(SUITES.indexOf(suite)), hash(digest));

/** A version. */
export const encodeVersion = ({ major, minor, patch }: Version): Uint8Array => concat(u32(major), u32(minor), u32(patch));

/** A set of release keys. */
export const encodeKeySet = ({ threshold, keys }: KeySet): Uint8Array =>
	concat(u8(threshold), sequence(keys.map(encodeKey)));

/** A kind of statement. */
export interface Kind<S> {
	readonly domain: string;
	readonly encode: (statement: S) => Uint8Array;
}

export const hello: Kind<HelloStatement> = {
	domain: "waybill/hello/1",
	encode: (s) => concat(hash(s.distributor), hash(s.distributorNonce), hash(s.deviceNonce), hash(s.exchangeKey)),
};

export const receipt: Kind<ReceiptStatement> = {
	domain: "waybill/receipt/1",
	encode: (s) =>
		concat(u64(s.bounty), u32(s.deviceIndex), encodeDigest(s.digest), hash(s.lock), hash(s.distributor), u32(s.validUntil)),
};

export const release: Kind<ReleaseStatement> = {
	domain: "waybill/release/1",
	encode: (s) =>
		concat(
			u64(s.model),
			encodeVersion(s.version),
			u32(s.securityVersion),
			encodeCid(s.payload),
			u64(s.size),
			hash(s.sha256),
			encodeDigest(s.digest),
		),
};

export const keySet: Kind<KeySetStatement> = {
	domain: "waybill/key-set/1",
	encode: (s) => concat(hash(s.vendor), u32(s.version), encodeKeySet(s.keySet)),
};

export const yank: Kind<YankStatement> = {
	domain: "waybill/yank/1",
	encode: (s) => concat(u64(s.release), u8(YANKS.indexOf(s.reason))),
};

export const vote: Kind<VoteStatement> = {
	domain: "waybill/vote/1",
	encode: (s) => concat(u64(s.release), u32(s.round), u8(VERDICTS.indexOf(s.verdict))),
};

/** The bytes to sign on the chain whose first block has the hash `genesis`. */
export function signingBytes<S>(kind: Kind<S>, statement: S, genesis: Uint8Array): Uint8Array {
	return concat(text(kind.domain), hash(genesis), kind.encode(statement));
}
