/** A vendor: its account, its release keys and what it does on the chain. */

import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { CID } from "multiformats/cid";
import { type Hex, hex, sha256 } from "./bytes.ts";
import { type Call, call, genesis, type Outcome, stored, succeedAll, untilFinalised } from "./chain.ts";
import { cidArgument } from "./cid.ts";
import type { Devices } from "./delivery.ts";
import { keySetArgument, ReleaseKeys, type Signatures } from "./release-keys.ts";
import {
	type KeySetStatement,
	keySet,
	type ReleaseStatement,
	release,
	type Version,
	type Yank,
	yank,
} from "./statements.ts";

/** How long the nodes may take to fetch a release and vote on it. */
const VERDICT_MS = 400_000;

/** The state of a release. */
export type ReleaseState = "Pending" | "Available" | "Unavailable" | "Yanked";

/** A release's statement as an argument of a call. */
export const statementArgument = (statement: ReleaseStatement) => ({
	...statement,
	payload: cidArgument(statement.payload),
	sha256: hex(statement.sha256),
	digest: { suite: "Plain", bytes: hex(statement.digest) },
});

/** What a vendor declares about a payload. */
export function releaseOf(
	model: bigint,
	version: Version,
	securityVersion: number,
	payload: CID,
	bytes: Uint8Array,
): ReleaseStatement {
	const digest = sha256(bytes);
	return { model, version, securityVersion, payload, size: BigInt(bytes.length), sha256: digest, digest };
}

/** The arguments that register a fleet. */
export interface FleetArguments {
	readonly model: bigint;
	readonly devices: Devices;
	readonly manifest: CID;
}

/** The signatures that a rotation needs. */
export interface RotationSignatures {
	readonly old: Signatures;
	readonly fresh: Signatures;
}

/** A vendor with release keys: at first three, of which two must sign. */
export class Vendor {
	readonly api: ApiPromise;
	readonly account: KeyringPair;
	/** The keys that sign now, and the version of their set. */
	keys = new ReleaseKeys(3, 2);
	keySetVersion = 1;

	constructor(api: ApiPromise, account: KeyringPair) {
		this.api = api;
		this.account = account;
	}

	/** The vendor's metadata. */
	readonly metadata = { name: "Acme Sensors", url: "https://acme.example", securityContact: "security@acme.example" };

	/** Registers the vendor itself, and models of these names. */
	async register(...models: readonly string[]): Promise<bigint[]> {
		const registration = call(this.api, "firmware.registerVendor", this.metadata, keySetArgument(this.keys.set));
		return await this.#ids([registration, ...this.#models(models)], "firmware.ModelRegistered", "model");
	}

	/** Registers models of these names. */
	async registerModels(...names: readonly string[]): Promise<bigint[]> {
		return await this.#ids(this.#models(names), "firmware.ModelRegistered", "model");
	}

	#models(names: readonly string[]): Call[] {
		return names.map((name) => call(this.api, "firmware.registerModel", name));
	}

	/** Registers fleets. */
	async registerFleets(...fleets: readonly FleetArguments[]): Promise<bigint[]> {
		return await this.#ids(this.#fleets(fleets), "firmware.FleetRegistered", "fleet");
	}

	#fleets(fleets: readonly FleetArguments[]): Call[] {
		return fleets.map(({ model, devices, manifest }) =>
			call(this.api, "firmware.registerFleet", model, devices.count, devices.cap, cidArgument(manifest)),
		);
	}

	/** Sends the calls, and reads the ids that they made from the events of this name. */
	async #ids(txs: readonly Call[], name: string, field: string): Promise<bigint[]> {
		return idsIn(await succeedAll(this.api, this.account, txs), name, field);
	}

	/** Signatures over a release by the keys at these places, by default by just enough keys. */
	signRelease(statement: ReleaseStatement, places?: readonly number[]): Signatures {
		return this.keys.sign(release, statement, genesis(this.api), places);
	}

	/** Signatures over a yank. */
	signYank(id: bigint, reason: Yank): Signatures {
		return this.keys.sign(yank, { release: id, reason }, genesis(this.api));
	}

	/** The statement that both key sets sign to make `next` follow the current one. */
	succession(next: ReleaseKeys): KeySetStatement {
		return { vendor: this.account.publicKey, version: this.keySetVersion + 1, keySet: next.set };
	}

	/** The signatures of both key sets over a succession. */
	signSuccession(next: ReleaseKeys, statement = this.succession(next)): RotationSignatures {
		const sign = (keys: ReleaseKeys) => keys.sign(keySet, statement, genesis(this.api));
		return { old: sign(this.keys), fresh: sign(next) };
	}

	/** The call that proposes `next`. */
	rotation(next: ReleaseKeys, signatures: Partial<RotationSignatures> = {}): Call {
		const { old, fresh } = { ...this.signSuccession(next), ...signatures };
		return call(this.api, "firmware.rotateKeySet", this.account.address, keySetArgument(next.set), old, fresh);
	}

	/** Signs with `next` from now on. */
	rotated(next: ReleaseKeys): void {
		this.keys = next;
		this.keySetVersion++;
	}

	/** The call that publishes a release. */
	publication(statement: ReleaseStatement, signatures = this.signRelease(statement)): Call {
		return call(this.api, "firmware.publishRelease", statementArgument(statement), null, signatures);
	}

	/** Publishes releases. */
	async publish(...statements: readonly ReleaseStatement[]): Promise<bigint[]> {
		const txs = statements.map((statement) => this.publication(statement));
		return await this.#ids(txs, "firmware.ReleasePublished", "release");
	}

	/** Registers fleets and publishes releases at the same time. */
	async offer(
		fleets: readonly FleetArguments[],
		statements: readonly ReleaseStatement[],
	): Promise<{ readonly fleets: bigint[]; readonly releases: bigint[] }> {
		const txs = [...this.#fleets(fleets), ...statements.map((statement) => this.publication(statement))];
		const outcomes = await succeedAll(this.api, this.account, txs);
		return {
			fleets: idsIn(outcomes, "firmware.FleetRegistered", "fleet"),
			releases: idsIn(outcomes, "firmware.ReleasePublished", "release"),
		};
	}
}

/** The ids in a field of all events of this name. */
const idsIn = (outcomes: readonly Outcome[], name: string, field: string): bigint[] =>
	outcomes
		.flatMap(({ events }) => events)
		.filter((event) => event.name === name)
		.map(({ data }) => BigInt(data[field] as number));

/** The state of a release in a block, by default the newest. */
export async function releaseState(api: ApiPromise, id: bigint, at?: Hex): Promise<ReleaseState | undefined> {
	const found = await stored<{ state: ReleaseState }>(api, "firmware.releases", [id], at);
	return found?.state;
}

/** Waits until the attesters have decided on a release, in a final block. */
export async function untilDecided(api: ApiPromise, id: bigint): Promise<ReleaseState> {
	return await untilFinalised(api, `the attesters' verdict on release ${id}`, VERDICT_MS, async (header) => {
		const state = await releaseState(api, id, header.hash.toHex());
		return state === "Pending" ? undefined : state;
	});
}
