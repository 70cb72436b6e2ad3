/** Deliveries: a bounty's devices, their receipts, and the keys and locks of its distributors. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { type Hex, hex, sha256 } from "./bytes.ts";
import { type Call, call, find, genesis, now, type Outcome } from "./chain.ts";
import { FleetTree, usualCapHeight } from "./fleet.ts";
import { ed25519, freshKeys, type SigningKey } from "./keys.ts";
import { type ReceiptStatement, receipt } from "./statements.ts";

/** How many blocks a receipt is valid for, unless a test says otherwise. */
const VALIDITY = 200;

/** A key `r` and the lock `s = H(r)` that a device signs. */
export interface LockPair {
	readonly key: Uint8Array;
	readonly lock: Uint8Array;
}

/** A fresh key with its lock. */
export function freshLock(): LockPair {
	const key = randomBytes(32);
	return { key, lock: sha256(key) };
}

/** A receipt as an argument of a call. */
export interface Receipt {
	readonly deviceIndex: number;
	readonly deviceKey: { Ed25519: Hex };
	readonly lock: Hex;
	readonly validUntil: number;
	readonly signature: { Ed25519: Hex };
	readonly replaces: number | null;
}

/** The devices of a fleet with their keys. */
export class Devices {
	readonly keys: readonly SigningKey[];
	readonly tree: FleetTree;
	readonly capHeight: number;

	constructor(count: number, capHeight = usualCapHeight(count)) {
		this.keys = freshKeys(count);
		this.tree = new FleetTree(this.publicKeys);
		this.capHeight = capHeight;
	}

	/** Their number. */
	get count(): number {
		return this.keys.length;
	}

	/** The cap that the chain keeps. */
	get cap(): Hex[] {
		return this.tree.cap(this.capHeight).map(hex);
	}

	/** The public keys in the order of their indices. */
	get publicKeys(): Uint8Array[] {
		return this.keys.map(({ publicKey }) => publicKey);
	}

	/** The fleet's manifest: its keys one after another. */
	get manifest(): Uint8Array {
		return Buffer.concat(this.publicKeys);
	}

	/** The proof of a batch: of the devices that are in the fleet and in rising order. */
	proof(receipts: readonly Receipt[]): Hex[] {
		const proved: number[] = [];
		for (const { deviceIndex } of receipts) {
			if (deviceIndex < this.count && deviceIndex > (proved.at(-1) ?? -1)) {
				proved.push(deviceIndex);
			}
		}
		return this.tree.multiproof(this.capHeight, proved).map(hex);
	}

	/** The receipt that the device of this statement gives to its distributor. */
	receipt(api: ApiPromise, statement: ReceiptStatement, replaces: number | null = null): Receipt {
		const device = this.keys[statement.deviceIndex];
		if (!device) {
			throw new RangeError(`no device ${statement.deviceIndex}`);
		}
		return {
			deviceIndex: statement.deviceIndex,
			deviceKey: ed25519(device.publicKey),
			lock: hex(statement.lock),
			validUntil: statement.validUntil,
			signature: ed25519(device.sign(receipt, statement, genesis(api))),
			replaces,
		};
	}
}

/** What a distributor does for the devices of one bounty. */
export class Delivery {
	readonly account: KeyringPair;
	readonly #api: ApiPromise;
	readonly #bounty: bigint;
	readonly #devices: Devices;
	readonly #digest: Uint8Array;
	readonly #locks = new Map<number, LockPair>();

	constructor(api: ApiPromise, account: KeyringPair, bounty: bigint, devices: Devices, digest: Uint8Array) {
		this.#api = api;
		this.account = account;
		this.#bounty = bounty;
		this.#devices = devices;
		this.#digest = digest;
	}

	/** The key and lock for a device, the same each time. */
	lock(index: number): LockPair {
		const pair = this.#locks.get(index) ?? freshLock();
		this.#locks.set(index, pair);
		return pair;
	}

	/** The statement that the device at `index` signs for this distributor. */
	async statement(index: number): Promise<ReceiptStatement> {
		return {
			bounty: this.#bounty,
			deviceIndex: index,
			digest: this.#digest,
			lock: this.lock(index).lock,
			distributor: this.account.publicKey,
			validUntil: (await now(this.#api)) + VALIDITY,
		};
	}

	/** A device's receipt over its statement with some changes. */
	async receipt(index: number, changes: Partial<ReceiptStatement> = {}, replaces: number | null = null): Promise<Receipt> {
		return this.#devices.receipt(this.#api, { ...(await this.statement(index)), ...changes }, replaces);
	}

	/** The call that reserves the devices of these receipts. */
	reserve(receipts: readonly Receipt[], { bounty = this.#bounty, proof = this.#devices.proof(receipts) } = {}): Call {
		return call(this.#api, "podBounty.reserve", bounty, receipts, proof);
	}

	/** Valid receipts of these devices. */
	async receipts(indices: readonly number[]): Promise<Receipt[]> {
		return await Promise.all(indices.map((index) => this.receipt(index)));
	}

	/** Like `reserve`, with valid receipts of these devices. */
	async reserveDevices(indices: readonly number[]): Promise<Call> {
		return this.reserve(await this.receipts(indices));
	}

	/** The right keys of these devices. */
	keys(indices: readonly number[]): (readonly [number, Hex])[] {
		return indices.map((index) => [index, hex(this.lock(index).key)] as const);
	}

	/** The call that claims the pay for these keys. */
	claim(reservation: number, keys: readonly (readonly [number, Hex])[], bounty = this.#bounty): Call {
		return call(this.#api, "podBounty.claim", bounty, reservation, keys);
	}

	/** Like `claim`, with the right keys of these devices. */
	claimDevices(reservation: number, indices: readonly number[]): Call {
		return this.claim(reservation, this.keys(indices));
	}
}

/** The id of the reservation that a transaction made. */
export const reservationOf = ({ events }: Outcome): number => Number(find(events, "podBounty.Reserved").reservation);
