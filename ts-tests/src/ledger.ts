/** Accounts for every planck between two final blocks. */

import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { type Balance, balance, issuance } from "./accounts.ts";
import type { Hex } from "./bytes.ts";
import { eventsOf, finalisedHead } from "./chain.ts";

/** A final block. */
export interface Place {
	readonly number: number;
	readonly hash: Hex;
}

/** The newest final block. */
export async function place(api: ApiPromise): Promise<Place> {
	const { number, hash } = await finalisedHead(api);
	return { number: number.toNumber(), hash: hash.toHex() };
}

/** The fees that each account paid in the blocks after `from`, up to and including `to`. */
export async function feesBetween(api: ApiPromise, from: Place, to: Place): Promise<ReadonlyMap<string, bigint>> {
	const fees = new Map<string, bigint>();
	for (let number = from.number + 1; number <= to.number; number++) {
		const block = (await api.rpc.chain.getBlockHash(number)).toHex();
		for (const { name, data } of await eventsOf(api, block)) {
			if (name === "transactionPayment.TransactionFeePaid") {
				const who = String(data.who);
				fees.set(who, (fees.get(who) ?? 0n) + BigInt(String(data.actualFee)));
			}
		}
	}
	return fees;
}

/** What all accounts have together. */
export async function sumOfAccounts(api: ApiPromise, at: Hex): Promise<bigint> {
	const entries = (await (await api.at(at)).query.system?.account?.entries()) ?? [];
	const data = entries.map(([, info]) => (info.toJSON() as { data: { free: number | Hex; reserved: number | Hex } }).data);
	return data.reduce((sum, { free, reserved }) => sum + BigInt(free) + BigInt(reserved), 0n);
}

/** What one account gained or lost, free or held, and what it paid in fees. */
export interface Change extends Balance {
	readonly fee: bigint;
}

/** The changes of some accounts and of the whole chain between two final blocks. */
export async function changes(api: ApiPromise, accounts: readonly KeyringPair[], from: Place, to: Place) {
	const fees = await feesBetween(api, from, to);
	const of = async ({ address }: KeyringPair): Promise<Change> => {
		const [before, after] = [await balance(api, address, from.hash), await balance(api, address, to.hash)];
		return {
			free: after.free - before.free,
			held: after.held - before.held,
			total: after.total - before.total,
			fee: fees.get(address) ?? 0n,
		};
	};
	return {
		accounts: await Promise.all(accounts.map(of)),
		issuance: (await issuance(api, to.hash)) - (await issuance(api, from.hash)),
		everybody: (await sumOfAccounts(api, to.hash)) - (await sumOfAccounts(api, from.hash)),
		fees,
	};
}
