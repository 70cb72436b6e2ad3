/** A vendor, two distributors and a stranger, and what they do about bounties. */

import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { expect } from "vitest";
import { fundedAccounts, UNIT } from "./accounts.ts";
import { type Hex, sha256 } from "./bytes.ts";
import { type Call, call, constant, type Event, find, now, type Outcome, stored, succeedAll } from "./chain.ts";
import { Delivery, type Devices } from "./delivery.ts";
import { addFile } from "./gateway.ts";
import { type Change, changes, type Place, place } from "./ledger.ts";
import type { Running } from "./own-network.ts";
import { type FleetArguments, Vendor } from "./vendor.ts";

/** The usual reward for a device. */
export const REWARD = 2n * UNIT;

/** An id that does not exist. */
export const NOTHING = 1_000_000n;

/** A bounty and the block of its expiry. */
export interface Opened {
	readonly bounty: bigint;
	readonly expiresAt: number;
}

/** The arguments that open a bounty. */
export interface Opening {
	readonly release: bigint;
	readonly fleet: bigint;
	readonly reward?: bigint;
}

/** The four accounts, and what they should have earned and lost. */
export class Market {
	readonly api: ApiPromise;
	readonly vendor: Vendor;
	readonly first: KeyringPair;
	readonly second: KeyringPair;
	readonly stranger: KeyringPair;
	/**
	 * The chain's rules: the deposit for a reserved device, periods in blocks, pages of a close.
	 */
	readonly deposit: bigint;
	readonly window: number;
	readonly minDuration: number;
	readonly maxDuration: number;
	readonly minPages: number;
	/** The rewards that each distributor earned, and the deposits that it lost. */
	readonly paid = { first: 0n, second: 0n };
	readonly burnt = { first: 0n, second: 0n };
	readonly #blocks: string;
	#start: Place | undefined;

	private constructor({ api, blocks }: Running, accounts: readonly KeyringPair[]) {
		const [ofVendor, first, second, stranger] = accounts as [KeyringPair, KeyringPair, KeyringPair, KeyringPair];
		this.api = api;
		this.#blocks = blocks;
		this.vendor = new Vendor(api, ofVendor);
		[this.first, this.second, this.stranger] = [first, second, stranger];
		this.deposit = constant(api, "podBounty.reservationDeposit");
		this.window = Number(constant(api, "podBounty.exclusiveWindow"));
		this.minDuration = Number(constant(api, "podBounty.minDuration"));
		this.maxDuration = Number(constant(api, "podBounty.maxDuration"));
		this.minPages = Number(constant(api, "podBounty.minClosePages"));
	}

	/** Funds the four accounts. */
	static async of(running: Running): Promise<Market> {
		return new Market(running, await fundedAccounts(running.api, 4));
	}

	/** Starts the accounting that `expectSums` checks. */
	async begin(): Promise<void> {
		this.#start = await place(this.api);
	}

	/** The arguments that register a fleet. Adds its manifest to the gateway. */
	async fleet(model: bigint, devices: Devices): Promise<FleetArguments> {
		return { model, devices, manifest: await addFile(this.#blocks, devices.manifest) };
	}

	/** Opens bounties that expire `blocksOpen` blocks from now. */
	async open(blocksOpen: number, ...openings: readonly Opening[]): Promise<Opened[]> {
		const expiresAt = (await now(this.api)) + blocksOpen;
		const txs = openings.map(({ release, fleet, reward = REWARD }) =>
			call(this.api, "podBounty.open", release, fleet, reward, expiresAt),
		);
		const outcomes = await succeedAll(this.api, this.vendor.account, txs);
		const id = ({ events }: Outcome) => BigInt(find(events, "podBounty.BountyOpened").bounty as number);
		return outcomes.map((outcome) => ({ bounty: id(outcome), expiresAt }));
	}

	/** The call that raises a bounty's reward or gives it more time. */
	raise(bounty: bigint, reward: bigint, expiresAt: number): Call {
		return call(this.api, "podBounty.raise", bounty, reward, expiresAt);
	}

	/** The call that closes a bounty. */
	close(bounty: bigint, pages = this.minPages): Call {
		return call(this.api, "podBounty.close", bounty, pages);
	}

	/** What `account` does for a bounty's devices. */
	delivery(account: KeyringPair, bounty: bigint, devices: Devices, payload: Uint8Array): Delivery {
		return new Delivery(this.api, account, bounty, devices, sha256(payload));
	}

	/** What is on hold of an account for one reason, such as `Reward`. */
	async held(account: KeyringPair, reason: string): Promise<bigint> {
		type Hold = { id: Record<string, string>; amount: number | Hex };
		const holds = (await stored<Hold[]>(this.api, "balances.holds", [account.address])) ?? [];
		return BigInt(holds.find(({ id }) => id.podBounty === reason)?.amount ?? 0);
	}

	/** Expects every balance to match the rewards, fees and lost deposits since `begin`. */
	async expectSums(): Promise<void> {
		const { api, vendor, first, second, stranger, paid, burnt } = this;
		const accounts = [vendor.account, first, second, stranger];
		const {
			accounts: changed,
			issuance,
			everybody,
			fees,
		} = await changes(api, accounts, this.#start as Place, await place(api));
		const [ofVendor, ofFirst, ofSecond, ofStranger] = changed as [Change, Change, Change, Change];
		expect(ofFirst.total).toBe(paid.first - burnt.first - ofFirst.fee);
		expect(ofSecond.total).toBe(paid.second - burnt.second - ofSecond.fee);
		expect(ofStranger.total).toBe(-ofStranger.fee);
		expect(ofVendor.total).toBe(-paid.first - paid.second - ofVendor.fee);
		expect([ofFirst.held, ofSecond.held, ofStranger.held]).toEqual([0n, 0n, 0n]);
		expect(await this.held(vendor.account, "Reward")).toBe(0n);
		// Only the deposits are gone. All fees went to the authors.
		expect(issuance).toBe(-burnt.first - burnt.second);
		expect(everybody).toBe(issuance);
		const ours = changed.reduce((sum, { total }) => sum + total, 0n);
		const allFees = [...fees.values()].reduce((sum, value) => sum + value, 0n);
		expect(everybody - ours).toBe(allFees);
		expect(new Set(fees.keys())).toEqual(new Set(accounts.map(({ address }) => address)));
	}
}

/** The fields of every event of this name. */
export const named = ({ events }: Outcome, name: string): Event["data"][] =>
	events.filter((event) => event.name === name).map(({ data }) => data);

/** What a claim paid. */
export function payment({ events }: Outcome): { distributor: unknown; devices: unknown; amount: bigint } {
	const { distributor, devices, amount } = find(events, "podBounty.Paid");
	return { distributor, devices, amount: BigInt(String(amount)) };
}
