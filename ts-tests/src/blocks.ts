/** The last tests of each file with a network: a stock client decodes every block. */

import type { Extrinsic } from "@polkadot/types/interfaces";
import { beforeAll, describe, expect, it } from "vitest";
import { type Hex, unhex } from "./bytes.ts";
import { decode, eventsOf, finalisedHead } from "./chain.ts";
import type { OwnNetwork, Running } from "./own-network.ts";
import { request } from "./rpc.ts";

/** A block as the node gives it. */
interface RawBlock {
	readonly block: { readonly header: { readonly parentHash: Hex }; readonly extrinsics: readonly Hex[] };
}

/** How many blocks to request at once. */
const AT_ONCE = 16;

const name = ({ method }: Extrinsic) => `${method.section}.${method.method}`;

/** Checks the blocks that a file's tests have made, among them attestations. */
export function describeBlocks(network: OwnNetwork): void {
	describe("every block from genesis", () => {
		/** The raw extrinsics and the hash of every final block. */
		let bodies: readonly (readonly Hex[])[];
		let hashes: readonly Hex[];
		let running: Running;

		beforeAll(async () => {
			running = network.running;
			const [first] = running.nodes;
			const numbers = [...Array((await finalisedHead(running.api)).number.toNumber() + 1).keys()];
			hashes = await some(numbers, (number) => request<Hex>(first, "chain_getBlockHash", number));
			bodies = await some(hashes, async (hash) => (await request<RawBlock>(first, "chain_getBlock", hash)).block.extrinsics);
		});

		it("should be the same on both nodes", async () => {
			const [, second] = running.nodes;
			const theirs = await some([...hashes.keys()], (number) => request<Hex>(second, "chain_getBlockHash", number));
			expect(theirs).toEqual(hashes);
		});

		it("should decode from the raw bytes and encode to them again", () => {
			for (const [number, body] of bodies.entries()) {
				for (const [index, raw] of body.entries()) {
					const place = `extrinsic ${index} of block ${number}`;
					const extrinsic = decode(running.api, raw);
					// The library encodes only the inner part of a General transaction as it was.
					const encoded = extrinsic.isGeneral() ? extrinsic.inner.toHex() : extrinsic.toHex();
					expect(encoded, place).toBe(raw);
				}
			}
		});

		it("should be decoded by the stock getBlock to the same calls", async () => {
			const blocks = await some(hashes, async (hash) => (await running.api.rpc.chain.getBlock(hash)).block);
			for (const [number, block] of blocks.entries()) {
				expect(block.header.hash.toHex()).toBe(hashes[number]);
				expect(block.header.number.toNumber()).toBe(number);
				const calls = (bodies[number] ?? []).map((raw) => decode(running.api, raw).method.toHex());
				expect(block.extrinsics.map(({ method }) => method.toHex())).toEqual(calls);
			}
		});

		it("should begin with the inherent alone after genesis", () => {
			expect(bodies[0]).toEqual([]);
			for (const body of bodies.slice(1)) {
				const [inherent, ...others] = body.map((raw) => decode(running.api, raw));
				expect(inherent && name(inherent)).toBe("timestamp.set");
				expect(others.map(name)).not.toContain("timestamp.set");
			}
		});

		it("should hold attestations as General transactions with preamble 0x45", () => {
			const extrinsics = bodies.flat().map((raw) => ({ raw, extrinsic: decode(running.api, raw) }));
			const general = extrinsics.filter(({ extrinsic }) => extrinsic.isGeneral());
			expect(general.length).toBeGreaterThanOrEqual(running.nodes.length);
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
				const extrinsic = decode(running.api, raw);
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
			const all = await some(hashes, (hash) => eventsOf(running.api, hash));
			for (const [number, events] of all.entries()) {
				const results = events
					.filter((event) => event.name === "system.ExtrinsicSuccess" || event.name === "system.ExtrinsicFailed")
					.map((event) => event.extrinsic);
				expect(results, `block ${number}`).toEqual((bodies[number] ?? []).map((_, index) => index));
			}
		});
	});
}

/** Requests all of these in their order, some at once. */
async function some<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
	const answers: R[] = [];
	for (let start = 0; start < items.length; start += AT_ONCE) {
		answers.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(ask))));
	}
	return answers;
}

/** The first two bytes after the length. */
function preamble(raw: Hex): number[] {
	const bytes = unhex(raw);
	const lengthBytes = [1, 2, 4][(bytes[0] ?? 0) & 3] ?? 0;
	return [...bytes.slice(lengthBytes, lengthBytes + 2)];
}
