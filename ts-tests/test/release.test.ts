/** A release's life: from its vendor's registration to its withdrawal. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { CID } from "multiformats/cid";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { balance, fundedAccounts } from "../src/accounts.ts";
import { describeBlocks } from "../src/blocks.ts";
import { type Hex, hex } from "../src/bytes.ts";
import { ask, call, connect, constant, finalisedHead, find, genesis, stored, submit, succeed } from "../src/chain.ts";
import { cidArgument, readCidText } from "../src/cid.ts";
import { Devices } from "../src/delivery.ts";
import { MAX_CAP_NODES } from "../src/fleet.ts";
import { addFile, removeLeaf } from "../src/gateway.ts";
import { ed25519, SigningKey } from "../src/keys.ts";
import { OwnNetwork } from "../src/own-network.ts";
import { expectRefusals } from "../src/refusals.ts";
import { keySetArgument, type Signatures } from "../src/release-keys.ts";
import { type ReleaseStatement, release } from "../src/statements.ts";
import * as vectors from "../src/vectors.ts";
import { releaseOf, releaseState, statementArgument, untilDecided, Vendor } from "../src/vendor.ts";

const V1 = { major: 1, minor: 0, patch: 0 };

/** An id that does not exist. */
const NOTHING = 1_000_000n;

/** The votes on a release as the runtime API gives them. */
interface Attestations {
	readonly votes: readonly (readonly [string, string])[];
	readonly attesters: number;
	readonly needed: number;
}

const network = new OwnNetwork();

describe("a release's life", () => {
	/** Enough for a DAG of several leaves. */
	const payload = randomBytes(300_000);
	const devices = new Devices(25);
	let api: ApiPromise;
	let nodes: readonly string[];
	let blocks: string;
	let vendor: Vendor;
	let other: Vendor;
	let stranger: KeyringPair;
	let cid: CID;
	let manifest: CID;
	let model: bigint;
	let statement: ReleaseStatement;
	let id: bigint;
	/** A release with a wrong hash. */
	let mismatch: bigint;
	/** A release with a missing block, and its model. */
	let lost: bigint;
	let lostModel: bigint;

	/** The pages of the cap that the chain keeps for a fleet. */
	async function capPages(fleet: bigint): Promise<Hex[][]> {
		const pages = await Promise.all([0, 1, 2].map((page) => stored<Hex[]>(api, "firmware.fleetCaps", [fleet, page])));
		return pages.filter((page) => page !== null);
	}

	beforeAll(async () => {
		({ api, nodes, blocks } = network.running);
		const accounts = await fundedAccounts(api, 3);
		[vendor, other] = accounts.map((account) => new Vendor(api, account)) as [Vendor, Vendor];
		stranger = accounts[2] as KeyringPair;
		cid = await addFile(blocks, payload);
		manifest = await addFile(blocks, devices.manifest);
	});

	it("should refuse vendors without a name, a legible text or a sound key set", async () => {
		const { metadata } = vendor;
		const keySet = keySetArgument(vendor.keys.set);
		const [first] = keySet.keys;
		const register = (data: object, set: object) => call(api, "firmware.registerVendor", data, set);
		await expectRefusals(api, vendor.account, [
			["firmware.EmptyName", register({ ...metadata, name: "" }, keySet)],
			["firmware.InvalidText", register({ ...metadata, name: "Acme\u0007" }, keySet)],
			["firmware.InvalidText", register({ ...metadata, url: "0xff" }, keySet)],
			["firmware.InvalidText", register({ ...metadata, securityContact: "a\nb" }, keySet)],
			["firmware.InvalidKeySet", register(metadata, { ...keySet, threshold: 0 })],
			["firmware.InvalidKeySet", register(metadata, { ...keySet, threshold: keySet.keys.length + 1 })],
			["firmware.InvalidKeySet", register(metadata, { ...keySet, keys: [first, first] })],
			["firmware.InvalidKeySet", register(metadata, { threshold: 1, keys: [ed25519(new Uint8Array(32))] })],
			["firmware.UnknownVendor", call(api, "firmware.updateVendor", metadata)],
			["firmware.UnknownVendor", call(api, "firmware.registerModel", "sensor")],
		]);
	});

	it("should refuse arguments over their bound before they reach a block", async () => {
		// The library logs every error that it throws.
		const log = vi.spyOn(console, "error").mockImplementation(() => {});
		const name = "x".repeat(Number(constant(api, "firmware.maxNameLen")) + 1);
		const cap = Array.from({ length: MAX_CAP_NODES + 1 }, () => hex(new Uint8Array(32)));
		const beyond = [
			call(api, "firmware.registerVendor", { ...vendor.metadata, name }, keySetArgument(vendor.keys.set)),
			call(api, "firmware.registerFleet", NOTHING, cap.length, cap, cidArgument(manifest)),
		];
		for (const tx of beyond) {
			await expect(submit(api, vendor.account, tx)).rejects.toThrow(/1002/);
		}
		log.mockRestore();
	});

	it("should register a vendor with a deposit", async () => {
		const before = await balance(api, vendor.account.address);
		[[lostModel]] = (await Promise.all([other.register("beacon"), vendor.register()])) as [[bigint], []];
		const after = await balance(api, vendor.account.address);
		expect(after.held).toBeGreaterThan(before.held);
		const found = await stored(api, "firmware.vendors", [vendor.account.address]);
		expect(found).toMatchObject({ keySetVersion: 1 });
		const keySet = await stored<{ threshold: number; keys: unknown[] }>(api, "firmware.keySets", [
			vendor.account.address,
			1,
		]);
		expect(keySet?.threshold).toBe(vendor.keys.threshold);
		expect(keySet?.keys).toEqual(vendor.keys.set.keys.map((key) => ({ ed25519: hex(key) })));
	});

	it("should keep a vendor's metadata up to date", async () => {
		const update = (changed: object) => call(api, "firmware.updateVendor", { ...vendor.metadata, ...changed });
		await expectRefusals(api, vendor.account, [
			["firmware.EmptyName", update({ name: "" })],
			["firmware.InvalidText", update({ securityContact: "a\nb" })],
			["firmware.AlreadyVendor", call(api, "firmware.registerVendor", vendor.metadata, keySetArgument(vendor.keys.set))],
		]);
		// A release with a missing block takes the nodes longest, so it is published early.
		const rare = randomBytes(200_000);
		const incomplete = releaseOf(lostModel, V1, 1, await addFile(blocks, rare), rare);
		await removeLeaf(blocks, rare);
		const [{ events }, [id]] = await Promise.all([
			succeed(api, vendor.account, update({ url: "https://acme.example/firmware" })),
			other.publish(incomplete),
		]);
		lost = id as bigint;
		expect(find(events, "firmware.VendorUpdated")).toEqual({ vendor: vendor.account.address });
		const found = await stored<{ metadata: { url: Hex } }>(api, "firmware.vendors", [vendor.account.address]);
		expect(found?.metadata.url).toBe(hex(new TextEncoder().encode("https://acme.example/firmware")));
	});

	it("should register a model and fleets of it, and remove a fleet again", async () => {
		[model] = (await vendor.registerModels("sensor")) as [bigint];
		// Its cap takes two pages.
		const many = new Devices(600, 1);
		const [fleet, spare] = (await vendor.registerFleets(
			{ model, devices, manifest },
			{ model, devices: many, manifest },
		)) as [bigint, bigint];
		const small = { model: Number(model), root: hex(devices.tree.root), count: 25, capHeight: 5, users: 0 };
		expect(await stored(api, "firmware.fleets", [fleet])).toMatchObject(small);
		expect(await capPages(fleet)).toEqual([[hex(devices.tree.root)]]);
		const large = { model: Number(model), root: hex(many.tree.root), count: 600, capHeight: 1, users: 0 };
		expect(await stored(api, "firmware.fleets", [spare])).toMatchObject(large);
		expect(await capPages(spare)).toEqual([many.cap.slice(0, 256), many.cap.slice(256)]);
		const register = (of: bigint, count: number, cap: readonly Hex[] = devices.cap) =>
			call(api, "firmware.registerFleet", of, count, cap, cidArgument(manifest));
		await Promise.all([
			expectRefusals(api, vendor.account, [
				["firmware.EmptyName", call(api, "firmware.registerModel", "")],
				["firmware.InvalidText", call(api, "firmware.registerModel", "a\u0000b")],
				["firmware.UnknownModel", register(NOTHING, 25)],
				["firmware.EmptyFleet", register(model, 0)],
				["firmware.InvalidCap", register(model, 25, [])],
				// A tree over 25 devices has levels of 4 nodes and of 2, but none of 3.
				["firmware.InvalidCap", register(model, 25, devices.tree.cap(3).slice(0, 3).map(hex))],
				["firmware.InvalidCap", register(model, 25, many.cap)],
				["firmware.UnknownFleet", call(api, "firmware.removeFleet", NOTHING)],
			]),
			expectRefusals(api, other.account, [
				["firmware.NotModelVendor", register(model, 25)],
				["firmware.NotModelVendor", call(api, "firmware.removeFleet", spare)],
			]),
		]);
		const before = await balance(api, vendor.account.address);
		const { fee } = await succeed(api, vendor.account, call(api, "firmware.removeFleet", spare));
		const after = await balance(api, vendor.account.address);
		expect(after.held).toBeLessThan(before.held);
		expect(after.total).toBe(before.total - fee);
		expect(await ask<number[]>(api, "firmwareApi.fleets", model)).toEqual([Number(fleet)]);
		expect(await capPages(spare)).toEqual([]);
	});

	it("should refuse a release with a wrong argument or signature", async () => {
		statement = releaseOf(model, V1, 1, cid, payload);
		const publish = (
			changes: Partial<ReleaseStatement>,
			sign = (s: ReleaseStatement): Signatures => vendor.signRelease(s),
		) => vendor.publication({ ...statement, ...changes }, sign({ ...statement, ...changes }));
		const signed = (signatures: Signatures) => publish({}, () => signatures);
		const [first, third] = vendor.signRelease(statement, [0, 2]) as [Signatures[number], Signatures[number]];
		const elsewhere = ed25519((vendor.keys.keys[0] as SigningKey).sign(release, statement, randomBytes(32)));
		const bySomeone = ed25519(new SigningKey().sign(release, statement, genesis(api)));
		const step = Number(constant(api, "firmware.maxSecurityStep"));
		await Promise.all([
			expectRefusals(api, vendor.account, [
				["firmware.UnknownModel", publish({ model: NOTHING })],
				["firmware.InvalidPayloadSize", publish({ size: 0n })],
				["firmware.InvalidPayloadSize", publish({ size: constant(api, "firmware.maxPayloadSize") + 1n })],
				["firmware.DigestMismatch", publish({ digest: new Uint8Array(32) })],
				["firmware.SecurityVersionTooHigh", publish({ securityVersion: step + 1 })],
				["firmware.ThresholdNotMet", signed([])],
				["firmware.ThresholdNotMet", signed([first])],
				["firmware.DuplicateSigner", signed([first, first])],
				["firmware.UnknownSigner", signed([first, { ...third, key: 3 }])],
				["firmware.BadSignature", signed([first, { ...third, key: 1 }])],
				["firmware.BadSignature", signed([{ key: 0, signature: elsewhere }, third])],
				["firmware.BadSignature", signed([first, { key: 1, signature: bySomeone }])],
				["firmware.BadSignature", signed(vendor.signRelease({ ...statement, size: statement.size + 1n }))],
			]),
			expectRefusals(api, other.account, [["firmware.NotModelVendor", publish({})]]),
		]);
		expect(await ask(api, "firmwareApi.releases", model)).toEqual([]);
	});

	it("should become available by the nodes' own attestations", async () => {
		const wrong = releaseOf(model, { ...V1, patch: 1 }, 1, cid, randomBytes(payload.length));
		[id, mismatch] = (await vendor.publish(statement, wrong)) as [bigint, bigint];
		expect(await untilDecided(api, id)).toBe("Available");
		const { votes, attesters, needed } = await ask<Attestations>(api, "firmwareApi.attestations", id);
		expect({ attesters, needed }).toEqual({ attesters: nodes.length, needed: 2 });
		expect(votes.map(([, verdict]) => verdict)).toEqual(["Available", "Available"]);
		expect(new Set(votes.map(([attester]) => attester)).size).toBe(2);
		expect(await ask(api, "firmwareApi.latestRelease", model)).toBe(Number(id));
	});

	it("should keep what was signed", async () => {
		const details = await ask<{ statement: object; signatures: unknown[]; keySetVersion: number }>(
			api,
			"firmwareApi.release",
			id,
		);
		expect(details.statement).toMatchObject({
			version: V1,
			securityVersion: 1,
			size: payload.length,
			sha256: hex(statement.sha256),
			digest: { suite: "Plain", bytes: hex(statement.digest) },
			payload: { codec: "DagPb", hash: { sha2256: hex(cid.multihash.digest) } },
		});
		expect(details.keySetVersion).toBe(1);
		const signatures = vendor
			.signRelease(statement)
			.map(({ key, signature: { Ed25519 } }) => ({ key, signature: { ed25519: Ed25519 } }));
		expect(details.signatures).toEqual(signatures);
	});

	it("should refuse a version that exists and a security version that falls", async () => {
		const next = { ...statement, version: { ...V1, patch: 9 } };
		await expectRefusals(api, vendor.account, [
			["firmware.VersionExists", vendor.publication(statement)],
			["firmware.SecurityVersionTooLow", vendor.publication({ ...next, securityVersion: 0 })],
		]);
	});

	it("should refuse votes that are not an attester's own", async () => {
		const vote = call(api, "firmware.attest", stranger.publicKey, id, 0, "Available", new Uint8Array(64));
		await expectRefusals(api, stranger, [["BadOrigin", vote]]);
	});

	it("should become unavailable when the payload is not what it declares", async () => {
		expect(await untilDecided(api, mismatch)).toBe("Unavailable");
		const { votes } = await ask<Attestations>(api, "firmwareApi.attestations", mismatch);
		expect(votes.map(([, verdict]) => verdict)).toEqual(["Mismatch", "Mismatch"]);
		expect(await ask(api, "firmwareApi.latestRelease", model)).toBe(Number(id));
	});

	it("should be withdrawn by its vendor alone, once, for a reason", async () => {
		const yank = (release: bigint, advisory: string | null = null) =>
			call(api, "firmware.yankRelease", release, "Faulty", advisory);
		await Promise.all([
			expectRefusals(api, stranger, [["firmware.NotReleaseVendor", yank(id)]]),
			expectRefusals(api, vendor.account, [
				["firmware.UnknownRelease", yank(NOTHING)],
				["firmware.InvalidText", yank(id, "a\tb")],
			]),
		]);
		const { events } = await succeed(api, vendor.account, yank(id, "https://acme.example/advisories/1"));
		expect(find(events, "firmware.ReleaseYanked")).toEqual({ release: Number(id), reason: "Faulty" });
		expect(await releaseState(api, id)).toBe("Yanked");
		expect(await ask(api, "firmwareApi.latestRelease", model)).toBeNull();
		await expectRefusals(api, vendor.account, [["firmware.AlreadyYanked", yank(id)]]);
	});

	it("should be withdrawn on the word of the release keys by whoever brings it", async () => {
		const version = { major: 1, minor: 2, patch: 0 };
		const [second] = (await vendor.publish(releaseOf(model, version, 2, cid, payload))) as [bigint];
		expect(await untilDecided(api, second)).toBe("Available");
		const yank = (release: bigint, signatures: Signatures) =>
			call(api, "firmware.yankReleaseSigned", release, "Compromised", signatures);
		const good = vendor.signYank(second, "Compromised");
		await expectRefusals(api, stranger, [
			["firmware.UnknownRelease", yank(NOTHING, good)],
			["firmware.AlreadyYanked", yank(id, vendor.signYank(id, "Compromised"))],
			["firmware.ThresholdNotMet", yank(second, good.slice(1))],
			["firmware.DuplicateSigner", yank(second, [good[0], good[0]] as Signatures)],
			["firmware.UnknownSigner", yank(second, [good[0], { ...good[1], key: 9 }] as Signatures)],
			["firmware.BadSignature", yank(second, vendor.signYank(second, "Faulty"))],
			["firmware.BadSignature", yank(second, vendor.signYank(id, "Compromised"))],
		]);
		await succeed(api, stranger, yank(second, good));
		expect(await releaseState(api, second)).toBe("Yanked");
	});

	it("should become unavailable when attempts to fetch all of it keep failing", async () => {
		expect(await untilDecided(api, lost)).toBe("Unavailable");
		const { votes } = await ask<Attestations>(api, "firmwareApi.attestations", lost);
		expect(votes.map(([, verdict]) => verdict)).toEqual(["Unreachable", "Unreachable"]);
		expect(await ask(api, "firmwareApi.latestRelease", lostModel)).toBeNull();
		expect(await ask(api, "firmwareApi.latestRelease", model)).toBeNull();
	});

	it("should be as its parts say in the final state of every node", async () => {
		const at = (await finalisedHead(api)).hash.toHex();
		const replica = await connect(nodes[1] ?? "");
		const [here, there] = await Promise.all([api, replica].map((node) => stored(node, "firmware.releases", [id], at)));
		await replica.disconnect();
		expect(there).toEqual(here);
	});
});

describe("the chain's own types", () => {
	/** What the library encodes for an argument, by the types in the chain's metadata. */
	const argument = (index: number, name: string, ...args: unknown[]): Hex | undefined =>
		call(network.running.api, name, ...args).args[index]?.toHex();

	it("should encode statements as pinned", () => {
		const { statements } = vectors.statementVectors();
		const fields = (wanted: string) => statements.find(({ name }) => name === wanted)?.fields ?? {};
		const scale = (wanted: string) => statements.find(({ name }) => name === wanted)?.scale;
		const release = statementArgument(vectors.releaseOf(fields("release")));
		expect(argument(0, "firmware.publishRelease", release, null, [])).toBe(scale("release"));
		const { vendor, keySet } = vectors.keySetOf(fields("key_set"));
		const encoded = argument(1, "firmware.rotateKeySet", vendor, keySetArgument(keySet), [], []);
		expect(scale("key_set")).toContain(encoded?.slice(2) ?? "nothing");
	});

	it.each(vectors.cidVectors().valid)("should encode CIDs as pinned: $text", ({ text, scale }) => {
		const cid = readCidText(text);
		if (typeof cid === "string") {
			throw new Error(cid);
		}
		expect(argument(3, "firmware.registerFleet", 0, 1, [hex(new Uint8Array(32))], cidArgument(cid))).toBe(scale);
	});
});

describeBlocks(network);
