/** The byte layouts, as pinned in files that the Rust tests also read. */

import { describe, expect, it } from "vitest";
import { blake2, hex, sha256, unhex } from "../src/bytes.ts";
import { encodeCid, partsOf, readCidBytes, readCidText } from "../src/cid.ts";
import {
	depth,
	FleetTree,
	leaf,
	levelWidth,
	MAX_CAP_NODES,
	type Member,
	usualCapHeight,
	verifyMembers,
	verifyProof,
} from "../src/fleet.ts";
import { isWeak, keyText, readKeyText, SigningKey, verify } from "../src/keys.ts";
import { encodeDigest, encodeKey } from "../src/statements.ts";
import * as vectors from "../src/vectors.ts";

it("should cover every file of vectors", () => {
	const covered = ["cids.json", "fleets.json", "keys.json", "locks.json", "signatures.json", "statements.json"];
	expect([...vectors.FILES].sort()).toEqual(covered);
});

describe("statements", () => {
	const { genesis, statements } = vectors.statementVectors();

	it("should be of every kind", () => {
		expect(statements.map(({ name }) => name).sort()).toEqual(["hello", "key_set", "receipt", "release", "vote", "yank"]);
	});

	it.each(statements)("should be encoded and signed as pinned: $name", (vector) => {
		const { domain, scale, signingBytes } = vectors.statementOf(vector);
		expect(domain).toBe(vector.domain);
		expect(hex(scale)).toBe(vector.scale);
		const bytes = signingBytes(unhex(genesis));
		expect(hex(bytes)).toBe(vector.signing_bytes);
		if (vector.signature) {
			const key = new SigningKey(unhex(vector.signature.seed));
			expect(hex(key.publicKey)).toBe(vector.signature.public);
			expect(hex(key.signBytes(bytes))).toBe(vector.signature.signature);
			expect(verify(key.publicKey, bytes, unhex(vector.signature.signature))).toBe(true);
		}
	});
});

describe("signatures", () => {
	it.each(vectors.signatureVectors())("should hold or not as pinned: $why", (vector) => {
		const holds = verify(unhex(vector.public), unhex(vector.signing_bytes), unhex(vector.signature));
		expect(holds).toBe(vector.valid);
	});
});

describe("keys", () => {
	const { valid, weak, invalid_text } = vectors.keyVectors();

	it.each(valid)("should be derived and written as pinned: $text", (vector) => {
		const { publicKey } = new SigningKey(unhex(vector.seed));
		expect(hex(publicKey)).toBe(vector.public);
		expect(keyText(publicKey)).toBe(vector.text);
		expect(readKeyText(vector.text)).toEqual(publicKey);
		expect(hex(encodeKey(publicKey))).toBe(vector.scale);
		expect(isWeak(publicKey)).toBe(false);
	});

	it.each(weak)("should be known as weak: $why", (vector) => {
		expect(isWeak(unhex(vector.public))).toBe(true);
	});

	it.each(invalid_text)("should not be read from a text that is none: $why", ({ text }) => {
		expect(readKeyText(text)).toBeUndefined();
	});
});

describe("CIDs", () => {
	const { valid, invalid_text, invalid_binary } = vectors.cidVectors();

	it.each(valid)("should be read and encoded as pinned: $text", (vector) => {
		const cid = readCidText(vector.text);
		if (typeof cid === "string") {
			throw new Error(cid);
		}
		expect(cid.toString()).toBe(vector.text);
		expect(hex(cid.bytes)).toBe(vector.binary);
		expect(readCidBytes(unhex(vector.binary))).toEqual(cid);
		expect(hex(encodeCid(cid))).toBe(vector.scale);
		const { codecOf, hashOf, digest } = partsOf(cid);
		expect([codecOf.name, hashOf.name, hex(digest)]).toEqual([vector.codec, vector.hash, vector.digest]);
		expect(hex(hashOf.digest(unhex(vector.block)))).toBe(vector.digest);
	});

	it.each(invalid_text)("should be refused as text: $why", ({ text, error }) => {
		expect(readCidText(text)).toBe(error);
	});

	it.each(invalid_binary)("should be refused as bytes: $why", ({ binary, error }) => {
		expect(readCidBytes(unhex(binary))).toBe(error);
	});
});

describe("fleets", () => {
	const { valid, invalid } = vectors.fleetVectors();

	it.each(valid)("should have roots, leaves and proofs as pinned: $count devices", ({ root, count, devices }) => {
		expect(devices).toHaveLength(count);
		const keys = devices.map(({ key }) => vectors.key(key));
		const tree = new FleetTree(keys);
		expect(hex(tree.root)).toBe(root);
		for (const [index, vector] of devices.entries()) {
			const key = vectors.key(vector.key);
			expect(vector.index).toBe(index);
			expect(hex(leaf(index, key))).toBe(vector.leaf);
			expect(hex(blake2(leaf(index, key)))).toBe(vector.leaf_hash);
			expect(tree.proof(index).map(hex)).toEqual(vector.proof);
			expect(verifyProof(unhex(root), count, index, key, tree.proof(index))).toBe(true);
		}
	});

	it.each(valid)("should have caps and multiproofs as pinned: $count devices", ({ count, root, devices, ...vector }) => {
		const tree = new FleetTree(devices.map(({ key }) => vectors.key(key)));
		expect(tree.cap(vector.cap_height).map(hex)).toEqual(vector.cap);
		expect(tree.cap(depth(count)).map(hex)).toEqual([root]);
		for (const { why, height, indices, keys, proof, verdicts } of vector.multiproofs) {
			const members = indices.map((index, place): Member => [index, vectors.key(keys[place] ?? "")]);
			const found = verifyMembers(count, height, tree.cap(height), members, proof.map(unhex));
			expect(found ?? null, why).toEqual(verdicts);
			if (verdicts) {
				expect(tree.multiproof(height, indices).map(hex), why).toEqual(proof);
			}
		}
	});

	it("should have caps of a node for 256 devices, of at most 4096 nodes", () => {
		const nodes = (count: number) => levelWidth(count, usualCapHeight(count));
		expect([1, 25, 256, 257, 600, 1_000_000].map(nodes)).toEqual([1, 1, 1, 2, 3, 3907]);
		expect([1, 25, 600, 1_000_000].map(usualCapHeight)).toEqual([0, 5, 8, 8]);
		expect([nodes(2 ** 32 - 1), usualCapHeight(2 ** 32 - 1)]).toEqual([MAX_CAP_NODES, 20]);
	});

	it.each(invalid)("should not prove what is not in them: $why", ({ root, count, index, key, proof }) => {
		expect(verifyProof(unhex(root), count, index, vectors.key(key), proof.map(unhex))).toBe(false);
	});
});

describe("suites", () => {
	const suites = vectors.suiteVectors();

	it.each(suites)("should have digests as pinned: $suite", ({ suite, suite_scale, digest }) => {
		expect(hex(sha256(unhex(digest.payload)))).toBe(digest.sha256);
		expect(digest.bytes === digest.sha256).toBe(suite === "Plain");
		expect(hex(encodeDigest(unhex(digest.bytes), suite))).toBe(digest.scale);
		expect(digest.scale.startsWith(suite_scale)).toBe(true);
	});

	it("should have the SHA-256 of keys as locks: Plain", () => {
		for (const { key, lock } of suites.find(({ suite }) => suite === "Plain")?.locks ?? []) {
			expect(hex(sha256(unhex(key)))).toBe(lock);
		}
	});

	it("should have locks for keys of field elements alone: Zkcp", () => {
		const order = 2 ** 31 - 2 ** 24 + 1;
		const isOfElements = (bytes: Uint8Array) => {
			const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
			return [0, 4, 8, 12, 16, 20, 24, 28].every((at) => view.getUint32(at, true) < order);
		};
		const locks = suites.find(({ suite }) => suite === "Zkcp")?.locks ?? [];
		expect(locks.map(({ lock }) => lock !== null)).toContain(true);
		for (const { key, lock } of locks) {
			expect(lock !== null).toBe(isOfElements(unhex(key)));
			expect(lock === null || isOfElements(unhex(lock))).toBe(true);
		}
	});
});
