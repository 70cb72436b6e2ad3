/** Calls that must fail with a named error and change nothing. */

import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { xxhashAsHex } from "@polkadot/util-crypto";
import { expect } from "vitest";
import { balance } from "./accounts.ts";
import type { Hex } from "./bytes.ts";
import { type Call, eventsOf, nameOf, type Outcome, submitAll } from "./chain.ts";

/** A call, and the name of its error. */
export type Refusal = readonly [error: string, call: Call];

const PAGE = 1_000;

/** The pallets whose storage must stay as it is. */
const PALLETS = ["Firmware", "PodBounty"].map((name) => xxhashAsHex(name, 128));

/** The storage of the off-chain workers' votes, which may change meanwhile. */
const VOTES = xxhashAsHex("Firmware", 128) + xxhashAsHex("Rounds", 128).slice(2);

/**
 * Sends the calls. Expects each to fail with its error, to cost only its fee, and to change
 * nothing.
 */
export async function expectRefusals(api: ApiPromise, signer: KeyringPair, refusals: readonly Refusal[]): Promise<void> {
	const txs = refusals.map(([, tx]) => tx);
	const outcomes = await submitAll(api, signer, txs, "included");
	const line = (tx: Call | undefined, index: number, error?: string) => `${index}: ${nameOf(tx)} fails with ${error}`;
	const got = outcomes.map(({ error }, index) => line(txs[index], index, error));
	expect(got).toEqual(refusals.map(([error, tx], index) => line(tx, index, error)));

	const inOrder = outcomes.toSorted((a, b) => a.number - b.number);
	const [first, last] = [inOrder[0] as Outcome, inOrder.at(-1) as Outcome];
	const before = (await api.rpc.chain.getHeader(first.block)).parentHash.toHex();
	const moved = await movedByVotes(api, first, last);
	expect(await pallets(api, last.block, moved)).toEqual(await pallets(api, before, moved));
	const fees = outcomes.reduce((sum, { fee }) => sum + fee, 0n);
	const [had, has] = [await balance(api, signer.address, before), await balance(api, signer.address, last.block)];
	expect(has).toEqual({ free: had.free - fees, held: had.held, total: had.total - fees });
}

/** The storage keys of the releases whose state votes have changed meanwhile. */
async function movedByVotes(api: ApiPromise, first: Outcome, last: Outcome): Promise<string[]> {
	const keys: string[] = [];
	for (let number = first.number; number <= last.number; number++) {
		const events = await eventsOf(api, (await api.rpc.chain.getBlockHash(number)).toHex());
		for (const { data } of events.filter(({ name }) => name === "firmware.ReleaseStateChanged")) {
			keys.push(api.query.firmware?.releases?.key(data.release) ?? "");
		}
	}
	return keys;
}

/** All keys of the pallets in a block, with the hashes of their values. */
async function pallets(api: ApiPromise, at: Hex, but: readonly string[]): Promise<Record<string, string>> {
	const entries: Record<string, string> = {};
	for (const prefix of PALLETS) {
		let start = prefix;
		for (;;) {
			const keys = (await api.rpc.state.getKeysPaged(prefix, PAGE, start, at)).map((key) => key.toHex());
			for (const key of keys.filter((key) => !key.startsWith(VOTES) && !but.includes(key))) {
				entries[key] = (await api.rpc.state.getStorageHash(key, at)).toHex();
			}
			const end = keys.at(-1);
			if (keys.length < PAGE || end === undefined) {
				break;
			}
			start = end;
		}
	}
	return entries;
}
