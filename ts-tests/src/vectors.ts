/** The pinned test vectors, as `crates/primitives/vectors/README.md` describes them. */

import { readdirSync, readFileSync } from "node:fs";
import { CID } from "multiformats/cid";
import { type Hex, unhex } from "./bytes.ts";
import { readKeyText } from "./keys.ts";
import * as statements from "./statements.ts";

const FOLDER = new URL("../../crates/primitives/vectors/", import.meta.url);

/** The names of the files with vectors. */
export const FILES: readonly string[] = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as T;

/** What a vector is for, in words. */
interface Case {
	readonly why: string;
}

interface StatementVector {
	readonly name: string;
	readonly domain: string;
	readonly fields: Fields;
	readonly scale: Hex;
	readonly signing_bytes: Hex;
	readonly signature: { readonly seed: Hex; readonly public: Hex; readonly signature: Hex } | null;
}

interface SignatureVector extends Case {
	readonly public: Hex;
	readonly signing_bytes: Hex;
	readonly signature: Hex;
	readonly valid: boolean;
}

interface KeyVectors {
	readonly valid: readonly { readonly seed: Hex; readonly public: Hex; readonly text: string; readonly scale: Hex }[];
	readonly weak: readonly (Case & { readonly public: Hex })[];
	readonly invalid_text: readonly (Case & { readonly text: string })[];
}

interface CidVectors {
	readonly valid: readonly {
		readonly block: Hex;
		readonly codec: string;
		readonly hash: string;
		readonly digest: Hex;
		readonly text: string;
		readonly binary: Hex;
		readonly scale: Hex;
	}[];
	readonly invalid_text: readonly (Case & { readonly text: string; readonly error: string })[];
	readonly invalid_binary: readonly (Case & { readonly binary: Hex; readonly error: string })[];
}

interface FleetVectors {
	readonly valid: readonly {
		readonly count: number;
		readonly root: Hex;
		readonly cap_height: number;
		readonly cap: readonly Hex[];
		readonly devices: readonly {
			readonly index: number;
			readonly key: string;
			readonly leaf: Hex;
			readonly leaf_hash: Hex;
			readonly proof: readonly Hex[];
		}[];
		readonly multiproofs: readonly (Case & {
			readonly height: number;
			readonly indices: readonly number[];
			readonly keys: readonly string[];
			readonly proof: readonly Hex[];
			readonly verdicts: readonly boolean[] | null;
		})[];
	}[];
	readonly invalid: readonly (Case & {
		readonly root: Hex;
		readonly count: number;
		readonly index: number;
		readonly key: string;
		readonly proof: readonly Hex[];
	})[];
}

interface SuiteVector {
	readonly suite: statements.Suite;
	readonly suite_scale: Hex;
	/** The lock is null if the suite has no such key. */
	readonly locks: readonly { readonly key: Hex; readonly lock: Hex | null }[];
	readonly digest: { readonly payload: Hex; readonly sha256: Hex; readonly bytes: Hex; readonly scale: Hex };
}

export const statementVectors = () =>
	read<{ readonly genesis: Hex; readonly statements: readonly StatementVector[] }>("statements.json");
export const signatureVectors = () => read<readonly SignatureVector[]>("signatures.json");
export const keyVectors = () => read<KeyVectors>("keys.json");
export const cidVectors = () => read<CidVectors>("cids.json");
export const fleetVectors = () => read<FleetVectors>("fleets.json");
export const suiteVectors = () => read<readonly SuiteVector[]>("locks.json");

/** The fields of a statement, by name. */
type Fields = Readonly<Record<string, unknown>>;

const bytes = (fields: Fields, name: string) => unhex(fields[name] as string);
const number = (fields: Fields, name: string) => fields[name] as number;
const big = (fields: Fields, name: string) => BigInt(fields[name] as string);
const digest = (fields: Fields) => unhex((fields.digest as { bytes: Hex }).bytes);

/** The key in a text that is known to contain one. */
export function key(text: string): Uint8Array {
	const found = readKeyText(text);
	if (!found) {
		throw new Error(`not a key: ${text}`);
	}
	return found;
}

/** The three numbers of a version. */
export function version(text: string): statements.Version {
	const [major, minor, patch] = text.split(".").map(Number);
	return { major, minor, patch } as statements.Version;
}

/** The release in a vector. */
export const releaseOf = (fields: Fields): statements.ReleaseStatement => ({
	model: big(fields, "model"),
	version: version(fields.version as string),
	securityVersion: number(fields, "security_version"),
	payload: CID.parse(fields.payload as string),
	size: big(fields, "size"),
	sha256: bytes(fields, "sha256"),
	digest: digest(fields),
});

/** The key set in a vector. */
export function keySetOf(fields: Fields): statements.KeySetStatement {
	const { threshold, keys } = fields.key_set as { threshold: number; keys: readonly string[] };
	return {
		vendor: bytes(fields, "vendor"),
		version: number(fields, "version"),
		keySet: { threshold, keys: keys.map(key) },
	};
}

/** A statement together with its kind. */
export interface Encodable {
	readonly domain: string;
	readonly scale: Uint8Array;
	readonly signingBytes: (genesis: Uint8Array) => Uint8Array;
}

const encodable = <S>(kind: statements.Kind<S>, statement: S): Encodable => ({
	domain: kind.domain,
	scale: kind.encode(statement),
	signingBytes: (genesis) => statements.signingBytes(kind, statement, genesis),
});

/** Encodes the statement of a vector from its fields. */
export function statementOf({ name, fields }: StatementVector): Encodable {
	switch (name) {
		case "hello":
			return encodable(statements.hello, {
				distributor: bytes(fields, "distributor"),
				distributorNonce: bytes(fields, "distributor_nonce"),
				deviceNonce: bytes(fields, "device_nonce"),
				exchangeKey: bytes(fields, "exchange_key"),
			});
		case "receipt":
			return encodable(statements.receipt, {
				bounty: big(fields, "bounty"),
				deviceIndex: number(fields, "device_index"),
				digest: digest(fields),
				lock: bytes(fields, "lock"),
				distributor: bytes(fields, "distributor"),
				validUntil: number(fields, "valid_until"),
			});
		case "release":
			return encodable(statements.release, releaseOf(fields));
		case "key_set":
			return encodable(statements.keySet, keySetOf(fields));
		case "yank":
			return encodable(statements.yank, { release: big(fields, "release"), reason: fields.reason as statements.Yank });
		case "vote":
			return encodable(statements.vote, {
				release: big(fields, "release"),
				round: number(fields, "round"),
				verdict: fields.verdict as statements.Verdict,
			});
		default:
			throw new Error(`no statement is called ${name}`);
	}
}
