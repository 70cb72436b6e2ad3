/** Every block from genesis, as a stock client decodes it. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { Extrinsic } from "@polkadot/types/interfaces";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { fundedAccounts } from "../src/accounts.ts";
import { type Hex, unhex } from "../src/bytes.ts";
import { connect, decode, eventsOf, finalisedHead } from "../src/chain.ts";
import { addFile } from "../src/gateway.ts";
import { request } from "../src/rpc.ts";
import { releaseOf, untilDecided, Vendor } from "../src/vendor.ts";

/** A block as the node itself gives it. */
interface RawBlock {
	readonly block: { readonly header: { readonly parentHash: Hex }; readonly extrinsics: readonly Hex[] };
}

const V1 = { major: 1, minor: 0, patch: 0 };

const name = ({ method }: Extrinsic) => `${method.section}.${method.method}`;

describe("every block from genesis", () => {
	const { nodes, blocks } = inject("started");
	const [first = "", second = ""] = nodes;
	let api: ApiPromise;
	/** The raw extrinsics of every final block. */
	const bodies: (readonly Hex[])[] = [];
	const hashes: Hex[] = [];

	/** Reads the blocks that became final since the last time. */
	async function readBlocks(): Promise<void> {
		const head = (await finalisedHead(api)).number.toNumber();
		for (let number = bodies.length; number <= head; number++) {
			const hash = await request<Hex>(first, "chain_getBlockHash", number);
			hashes.push(hash);
			bodies.push((await request<RawBlock>(first, "chain_getBlock", hash)).block.extrinsics);
		}
	}

	/** Publishes a release, so that there are attestations if no other tests have run. */
	async function haveAttested(): Promise<void> {
		const [account] = (await fundedAccounts(api, 1)) as [KeyringPair];
		const vendor = new Vendor(api, account);
		const payload = randomBytes(150_000);
		const [model] = (await vendor.register("block-maker")) as [bigint];
		const statement = releaseOf(model, V1, 1, await addFile(blocks, payload), payload);
		const [id] = (await vendor.publish(statement)) as [bigint];
		expect(await untilDecided(api, id)).toBe("Available");
	}

	beforeAll(async () => {
		api = await connect(first);
		await readBlocks();
		if (!bodies.flat().some((raw) => decode(api, raw).isGeneral())) {
			await haveAttested();
			await readBlocks();
		}
	});

	afterAll(async () => await api?.disconnect());

	it("should be the same on both nodes", async () => {
		for (const [number, hash] of hashes.entries()) {
			expect(await request<Hex>(second, "chain_getBlockHash", number), `block ${number}`).toBe(hash);
		}
	});

	it("should decode from the raw bytes and encode to them again", () => {
		for (const [number, body] of bodies.entries()) {
			for (const [index, raw] of body.entries()) {
				const place = `extrinsic ${index} of block ${number}`;
				const extrinsic = decode(api, raw);
				// Of a General transaction this library encodes only the inner part as it was.
				const encoded = extrinsic.isGeneral() ? extrinsic.inner.toHex() : extrinsic.toHex();
				expect(encoded, place).toBe(raw);
			}
		}
	});

	it("should be decoded by the stock getBlock to the same calls", async () => {
		for (const [number, hash] of hashes.entries()) {
			const { block } = await api.rpc.chain.getBlock(hash);
			expect(block.header.hash.toHex()).toBe(hash);
			expect(block.header.number.toNumber()).toBe(number);
			const calls = (bodies[number] ?? []).map((raw) => decode(api, raw).method.toHex());
			expect(block.extrinsics.map(({ method }) => method.toHex())).toEqual(calls);
		}
	});

	it("should begin with the inherent alone after genesis", () => {
		expect(bodies[0]).toEqual([]);
		for (const body of bodies.slice(1)) {
			const [inherent, ...others] = body.map((raw) => decode(api, raw));
			expect(inherent && name(inherent)).toBe("timestamp.set");
			expect(others.map(name)).not.toContain("timestamp.set");
		}
	});

	it("should hold attestations as General transactions with preamble 0x45", () => {
		const extrinsics = bodies.flat().map((raw) => ({ raw, extrinsic: decode(api, raw) }));
		const general = extrinsics.filter(({ extrinsic }) => extrinsic.isGeneral());
		expect(general.length).toBeGreaterThanOrEqual(nodes.length);
		for (const { raw, extrinsic } of general) {
			expect(name(extrinsic)).toBe("firmware.attest");
			expect(preamble(raw)).toEqual([0x45, 0x00]);
			expect(extrinsic.isSigned).toBe(false);
			expect(raw.endsWith(extrinsic.method.toHex().slice(2))).toBe(true);
		}
		const attestations = extrinsics.filter(({ extrinsic }) => name(extrinsic) === "firmware.attest");
		expect(attestations.filter(({ extrinsic }) => !extrinsic.isGeneral() && !extrinsic.isSigned)).toEqual([]);
	});

	it("should hold every other transaction signed in format 4", () => {
		const kinds = new Set<string>();
		for (const raw of bodies.flat()) {
			const extrinsic = decode(api, raw);
			if (!extrinsic.isGeneral() && name(extrinsic) !== "timestamp.set") {
				expect(preamble(raw)[0]).toBe(0x84);
				expect(extrinsic.isSigned).toBe(true);
				expect(extrinsic.signer.toString()).toMatch(/^5/);
				kinds.add(name(extrinsic));
			}
		}
		expect([...kinds]).toEqual(expect.arrayContaining(["utility.batchAll", "firmware.publishRelease"]));
	});

	it("should have decodable events with one result for each extrinsic", async () => {
		for (const [number, hash] of hashes.entries()) {
			const events = await eventsOf(api, hash);
			const results = events
				.filter((event) => event.name === "system.ExtrinsicSuccess" || event.name === "system.ExtrinsicFailed")
				.map((event) => event.extrinsic);
			expect(results, `block ${number}`).toEqual((bodies[number] ?? []).map((_, index) => index));
		}
	});
});

/** The first two bytes after the length. */
function preamble(raw: Hex): number[] {
	const bytes = unhex(raw);
	const lengthBytes = [1, 2, 4][(bytes[0] ?? 0) & 3] ?? 0;
	return [...bytes.slice(lengthBytes, lengthBytes + 2)];
}
