/** Fresh accounts, so that tests do not depend on each other's balances and nonces. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import { Keyring } from "@polkadot/keyring";
import type { KeyringPair } from "@polkadot/keyring/types";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import type { Hex } from "./bytes.ts";
import { call, stored, succeed } from "./chain.ts";

/** One token in its smallest unit. */
export const UNIT = 1_000_000_000_000n;

/** Makes accounts, each with `amount` in a final block. */
export async function fundedAccounts(api: ApiPromise, count: number, amount = 1_000n * UNIT): Promise<KeyringPair[]> {
	await cryptoWaitReady();
	const keyring = new Keyring({ type: "sr25519", ss58Format: 42 });
	const accounts = Array.from({ length: count }, () => keyring.addFromSeed(randomBytes(32)));
	const transfers = accounts.map(({ address }) => call(api, "balances.transferKeepAlive", address, amount));
	await succeed(api, keyring.addFromUri("//Alice"), call(api, "utility.batchAll", transfers));
	return accounts;
}

/** What an account has. */
export interface Balance {
	readonly free: bigint;
	readonly held: bigint;
	readonly total: bigint;
}

/** What an account has in a block, by default the newest. */
export async function balance(api: ApiPromise, account: string, at?: Hex): Promise<Balance> {
	const info = await stored<{ data: { free: number | Hex; reserved: number | Hex } }>(api, "system.account", [account], at);
	const [free, held] = [BigInt(info?.data.free ?? 0), BigInt(info?.data.reserved ?? 0)];
	return { free, held, total: free + held };
}

/** The sum of all balances in a block. */
export async function issuance(api: ApiPromise, at: Hex): Promise<bigint> {
	return BigInt((await stored<number | Hex>(api, "balances.totalIssuance", [], at)) ?? 0);
}
