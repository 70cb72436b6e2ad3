/** A key set's life: from its proposal to the releases that it signs. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { beforeAll, describe, expect, it } from "vitest";
import { balance, fundedAccounts } from "../src/accounts.ts";
import { describeBlocks } from "../src/blocks.ts";
import { type Hex, unhex } from "../src/bytes.ts";
import { ask, call, find, genesis, type Outcome, stored, submitAll, succeed, succeedAll, untilBlock } from "../src/chain.ts";
import { addFile } from "../src/gateway.ts";
import { verify } from "../src/keys.ts";
import { OwnNetwork } from "../src/own-network.ts";
import { expectRefusals } from "../src/refusals.ts";
import { ReleaseKeys, type Signatures } from "../src/release-keys.ts";
import { type KeySet, keySet, type ReleaseStatement, release, signingBytes, yank } from "../src/statements.ts";
import { releaseOf, untilDecided, Vendor } from "../src/vendor.ts";

const V1 = { major: 1, minor: 0, patch: 0 };

/** An id that does not exist. */
const NOTHING = 1_000_000n;

/** Signatures as the chain gives them. */
type Signed = readonly { readonly key: number; readonly signature: { readonly ed25519: Hex } }[];

/** A key set and the signatures that link it to its predecessor, as the runtime API gives them. */
interface KeySetLink {
	readonly version: number;
	readonly keySet: { readonly threshold: number; readonly keys: readonly { readonly ed25519: Hex }[] };
	readonly oldSignatures: Signed;
	readonly newSignatures: Signed;
}

const network = new OwnNetwork();

describe("a key set's life", () => {
	const payload = randomBytes(100_000);
	const [vetoed, next] = [new ReleaseKeys(1, 1), new ReleaseKeys(4, 3)];
	let api: ApiPromise;
	let blocks: string;
	let vendor: Vendor;
	let other: Vendor;
	let stranger: KeyringPair;
	let model: bigint;
	/** The keys before `next`. */
	let old: ReleaseKeys;
	/** The block from which `next` can be adopted. */
	let effectiveAt: number;
	/** The amount on hold on the proposer's account. */
	let deposit: bigint;
	/** A release that the old keys signed, and the next one. */
	let statement: ReleaseStatement;
	let following: ReleaseStatement;
	let id: bigint;

	const veto = () => call(api, "firmware.vetoKeySet");
	const adopt = (of: Vendor) => call(api, "firmware.adoptKeySet", of.account.address);
	const resign = (id: bigint, signatures: Signatures) => call(api, "firmware.resignRelease", id, signatures);
	const links = async (after = 0, limit = 16) =>
		await ask<KeySetLink[]>(api, "firmwareApi.keySets", vendor.account.address, after, limit);
	const pending = async () => await ask<object | null>(api, "firmwareApi.pendingKeySet", vendor.account.address);

	/** The version of the key set that signed a release. Fails unless these keys did. */
	async function signer(id: bigint, statement: ReleaseStatement, { set }: ReleaseKeys): Promise<number> {
		type Details = { keySetVersion: number; signatures: Signed };
		const { keySetVersion, signatures } = await ask<Details>(api, "firmwareApi.release", id);
		expect(signed(set, signingBytes(release, statement, genesis(api)), signatures)).toBe(true);
		return keySetVersion;
	}

	beforeAll(async () => {
		({ api, blocks } = network.running);
		const accounts = (await fundedAccounts(api, 3)) as [KeyringPair, KeyringPair, KeyringPair];
		[vendor, other] = [new Vendor(api, accounts[0]), new Vendor(api, accounts[1])];
		stranger = accounts[2];
		old = vendor.keys;
		[[model]] = (await Promise.all([vendor.register("lock"), other.register()])) as [[bigint], []];
	});

	it("should not follow another without the signatures of both", async () => {
		const { old: ours, fresh } = vendor.signSuccession(next);
		const [signature] = fresh as [Signatures[number]];
		const later = { ...vendor.succession(next), version: 3 };
		const elsewhere = vendor.keys.sign(keySet, vendor.succession(next), randomBytes(32));
		await Promise.all([
			expectRefusals(api, stranger, [
				["firmware.UnknownVendor", new Vendor(api, stranger).rotation(next)],
				["firmware.InvalidKeySet", vendor.rotation(new ReleaseKeys(1, 0))],
				["firmware.ThresholdNotMet", vendor.rotation(next, { old: ours.slice(1) })],
				["firmware.ThresholdNotMet", vendor.rotation(next, { fresh: fresh.slice(1) })],
				["firmware.DuplicateSigner", vendor.rotation(next, { fresh: [...fresh, { ...signature, key: 0 }] })],
				["firmware.UnknownSigner", vendor.rotation(next, { fresh: [...fresh, { ...signature, key: 4 }] })],
				["firmware.BadSignature", vendor.rotation(next, { old: fresh })],
				["firmware.BadSignature", vendor.rotation(next, { old: elsewhere })],
				["firmware.BadSignature", vendor.rotation(next, vendor.signSuccession(next, later))],
				["firmware.BadSignature", vendor.rotation(next, { fresh: other.signSuccession(next).fresh })],
				["firmware.NoPendingKeySet", adopt(vendor)],
			]),
			expectRefusals(api, vendor.account, [["firmware.NoPendingKeySet", veto()]]),
		]);
		expect(await pending()).toBeNull();
	});

	it("should be vetoed by the vendor's account, for ever", async () => {
		const before = await balance(api, vendor.account.address);
		const txs = [vendor.rotation(vetoed), veto()];
		const [proposed, ended] = (await succeedAll(api, vendor.account, txs)) as [Outcome, Outcome];
		const { address } = vendor.account;
		expect(find(proposed.events, "firmware.KeySetProposed")).toMatchObject({ vendor: address, version: 2 });
		expect(find(ended.events, "firmware.KeySetVetoed")).toEqual({ vendor: address, version: 2 });
		expect(await pending()).toBeNull();
		// The deposit stays, for the hash of the statement.
		expect((await balance(api, address)).held).toBeGreaterThan(before.held);
		const byOthers = old.sign(keySet, vendor.succession(vetoed), genesis(api), [1, 2]);
		await expectRefusals(api, stranger, [
			["firmware.RotationVetoed", vendor.rotation(vetoed)],
			["firmware.RotationVetoed", vendor.rotation(vetoed, { old: byOthers })],
			["firmware.NoPendingKeySet", adopt(vendor)],
		]);
	});

	it("should be proposed by anyone, against a deposit", async () => {
		const txs = [vendor.rotation(next), adopt(vendor)];
		const [outcome, adopted] = (await submitAll(api, stranger, txs)) as [Outcome, Outcome];
		expect([outcome.error, adopted.error]).toEqual([undefined, "firmware.TooEarly"]);
		const proposed = find(outcome.events, "firmware.KeySetProposed");
		expect(proposed).toMatchObject({ vendor: vendor.account.address, version: 2 });
		effectiveAt = Number(proposed.effectiveAt);
		expect(effectiveAt).toBeGreaterThan(outcome.number);
		deposit = (await balance(api, stranger.address)).held;
		expect(deposit).toBeGreaterThan(0n);
		expect(await pending()).toMatchObject({ link: { version: 2, keySet: { threshold: 3 } }, effectiveAt });
		expect(await links()).toHaveLength(1);
		await Promise.all([
			expectRefusals(api, stranger, [
				["firmware.RotationPending", vendor.rotation(next)],
				["firmware.RotationPending", vendor.rotation(new ReleaseKeys(2, 2))],
			]),
			expectRefusals(api, other.account, [["firmware.NoPendingKeySet", veto()]]),
		]);
	});

	it("should sign nothing before it is adopted", async () => {
		const cid = await addFile(blocks, payload);
		statement = releaseOf(model, V1, 1, cid, payload);
		following = releaseOf(model, { ...V1, patch: 1 }, 1, cid, payload);
		await expectRefusals(api, vendor.account, [
			["firmware.BadSignature", vendor.publication(statement, next.sign(release, statement, genesis(api)))],
		]);
		[id] = (await vendor.publish(statement)) as [bigint];
		expect(await signer(id, statement, old)).toBe(1);
		await expectRefusals(api, vendor.account, [["firmware.AlreadySigned", resign(id, vendor.signRelease(statement))]]);
	});

	it("should be adopted by anyone once its time has come", async () => {
		await untilBlock(api, effectiveAt - 1);
		const { events } = await succeed(api, other.account, adopt(vendor));
		expect(find(events, "firmware.KeySetAdopted")).toEqual({ vendor: vendor.account.address, version: 2 });
		vendor.rotated(next);
		expect(await stored(api, "firmware.vendors", [vendor.account.address])).toMatchObject({ keySetVersion: 2 });
		expect(await pending()).toBeNull();
		expect((await balance(api, stranger.address)).held).toBe(deposit);
		await Promise.all([
			expectRefusals(api, stranger, [["firmware.NoPendingKeySet", adopt(vendor)]]),
			expectRefusals(api, vendor.account, [["firmware.NoPendingKeySet", veto()]]),
		]);
	});

	it("should be followed from the first set by its signatures alone", async () => {
		const [first, second] = (await links()) as [KeySetLink, KeySetLink];
		expect([first.version, first.oldSignatures, first.newSignatures]).toEqual([1, [], []]);
		expect(setOf(first)).toEqual(old.set);
		expect(second.version).toBe(2);
		const succession = { vendor: vendor.account.publicKey, version: second.version, keySet: setOf(second) };
		const message = signingBytes(keySet, succession, genesis(api));
		expect(signed(setOf(first), message, second.oldSignatures)).toBe(true);
		expect(signed(setOf(second), message, second.newSignatures)).toBe(true);
		expect(setOf(second)).toEqual(next.set);
		expect(await links(0, 1)).toEqual([first]);
		expect(await links(1)).toEqual([second]);
		expect(await links(2)).toEqual([]);
	});

	it("should sign in place of the old one, older releases too", async () => {
		const byOld = (statement: ReleaseStatement) => old.sign(release, statement, genesis(api), [0, 1, 2]);
		const withdrawal = old.sign(yank, { release: id, reason: "Faulty" }, genesis(api), [0, 1, 2]);
		const good = vendor.signRelease(statement);
		await Promise.all([
			expectRefusals(api, vendor.account, [
				["firmware.BadSignature", vendor.publication(following, byOld(following))],
				["firmware.BadSignature", call(api, "firmware.yankReleaseSigned", id, "Faulty", withdrawal)],
				["firmware.UnknownRelease", resign(NOTHING, good)],
				["firmware.ThresholdNotMet", resign(id, good.slice(1))],
				["firmware.BadSignature", resign(id, byOld(statement))],
				["firmware.BadSignature", resign(id, vendor.signRelease(following))],
			]),
			expectRefusals(api, other.account, [["firmware.NotReleaseVendor", resign(id, good)]]),
		]);
		const txs = [vendor.publication(following), resign(id, good)];
		const [published, resigned] = (await succeedAll(api, vendor.account, txs)) as [Outcome, Outcome];
		expect(find(resigned.events, "firmware.ReleaseResigned")).toEqual({ release: Number(id), keySetVersion: 2 });
		const second = BigInt(find(published.events, "firmware.ReleasePublished").release as number);
		expect(await signer(id, statement, next)).toBe(2);
		expect(await signer(second, following, next)).toBe(2);
		await expectRefusals(api, vendor.account, [["firmware.AlreadySigned", resign(id, good)]]);
		expect(await Promise.all([id, second].map((id) => untilDecided(api, id)))).toEqual(["Available", "Available"]);
	});
});

describeBlocks(network);

/** The key set of a link. */
const setOf = ({ keySet: { threshold, keys } }: KeySetLink): KeySet => ({
	threshold,
	keys: keys.map(({ ed25519 }) => unhex(ed25519)),
});

/** Whether enough keys of a set, each once, signed the message. */
function signed({ threshold, keys }: KeySet, message: Uint8Array, signatures: Signed): boolean {
	const places = new Set(signatures.map(({ key }) => key));
	const holds = ({ key, signature: { ed25519 } }: Signed[number]) =>
		keys[key] !== undefined && verify(keys[key], message, unhex(ed25519));
	return places.size === signatures.length && places.size >= threshold && signatures.every(holds);
}
