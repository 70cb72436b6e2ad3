/** A vendor: its account, its release keys and what it does on the chain. */

import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { CID } from "multiformats/cid";
import { type Hex, hex, sha256 } from "./bytes.ts";
import { type Call, call, find, genesis, stored, succeed, succeedAll, untilFinalised } from "./chain.ts";
import { cidArgument } from "./cid.ts";
import type { Devices } from "./delivery.ts";
import { ed25519, freshKeys, type SigningKey } from "./keys.ts";
import { type ReleaseStatement, release, type Version, type Yank, yank } from "./statements.ts";

/** How long the nodes may take to fetch a release and vote on it. */
const VERDICT_MS = 200_000;

/** Where a release stands. */
export type ReleaseState = "Pending" | "Available" | "Unavailable" | "Yanked";

/** Signatures, each with its key's place in the key set. */
export type Signatures = readonly (readonly [number, { Ed25519: Hex }])[];

/** A release's statement as an argument of a call. */
export const statementArgument = (statement: ReleaseStatement) => ({
	...statement,
	payload: cidArgument(statement.payload),
	sha256: hex(statement.sha256),
	digest: { suite: "Plain", bytes: hex(statement.digest) },
});

/** What a vendor says of a payload. */
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

/** What a fleet is registered with. */
export interface FleetArguments {
	readonly model: bigint;
	readonly devices: Devices;
	readonly manifest: CID;
}

/** A vendor with three release keys of which two must sign. */
export class Vendor {
	readonly api: ApiPromise;
	readonly account: KeyringPair;
	readonly keys: readonly SigningKey[] = freshKeys(3);
	readonly threshold = 2;

	constructor(api: ApiPromise, account: KeyringPair) {
		this.api = api;
		this.account = account;
	}

	/** What it says of itself. */
	readonly metadata = { name: "Acme Sensors", url: "https://acme.example", securityContact: "security@acme.example" };

	/** Its key set as an argument of a call. */
	get keySet() {
		return { threshold: this.threshold, keys: this.keys.map(({ publicKey }) => ed25519(publicKey)) };
	}

	/** Registers the vendor itself. */
	async register(): Promise<void> {
		await succeed(this.api, this.account, call(this.api, "firmware.registerVendor", this.metadata, this.keySet));
	}

	/** Registers models of these names. */
	async registerModels(...names: readonly string[]): Promise<bigint[]> {
		const txs = names.map((name) => call(this.api, "firmware.registerModel", name));
		return await this.#ids(txs, "firmware.ModelRegistered", "model");
	}

	/** Registers fleets. */
	async registerFleets(...fleets: readonly FleetArguments[]): Promise<bigint[]> {
		const txs = fleets.map(({ model, devices, manifest }) =>
			call(this.api, "firmware.registerFleet", model, hex(devices.tree.root), devices.keys.length, cidArgument(manifest)),
		);
		return await this.#ids(txs, "firmware.FleetRegistered", "fleet");
	}

	/** Sends the calls and takes what each made from its event. */
	async #ids(txs: readonly Call[], event: string, field: string): Promise<bigint[]> {
		const outcomes = await succeedAll(this.api, this.account, txs);
		return outcomes.map(({ events }) => BigInt(find(events, event)[field] as number));
	}

	/** Signatures over a release by the keys at these places. */
	signRelease(statement: ReleaseStatement, places: readonly number[] = [0, 2]): Signatures {
		return this.#sign(places, (key) => key.sign(release, statement, genesis(this.api)));
	}

	/** Signatures over a yank by the keys at these places. */
	signYank(id: bigint, reason: Yank, places: readonly number[] = [0, 1]): Signatures {
		return this.#sign(places, (key) => key.sign(yank, { release: id, reason }, genesis(this.api)));
	}

	#sign(places: readonly number[], sign: (key: SigningKey) => Uint8Array): Signatures {
		return places.map((place) => [place, ed25519(sign(this.keys[place] as SigningKey))] as const);
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
}

/** Where a release stands in a block, or in the newest. */
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
