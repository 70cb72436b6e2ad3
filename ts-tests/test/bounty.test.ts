/** A bounty's life: from the vendor's promise to the refund of what is left. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { balance, fundedAccounts, UNIT } from "../src/accounts.ts";
import { type Hex, hex, sha256, unhex } from "../src/bytes.ts";
import {
	ask,
	call,
	connect,
	constant,
	type Event,
	find,
	now,
	type Outcome,
	stored,
	submit,
	succeed,
	succeedAll,
	untilBlock,
} from "../src/chain.ts";
import { Delivery, Devices, freshLock, type Receipt, reservationOf } from "../src/delivery.ts";
import { addFile } from "../src/gateway.ts";
import { ed25519 } from "../src/keys.ts";
import { type Change, changes, type Place, place } from "../src/ledger.ts";
import { expectRefusals } from "../src/refusals.ts";
import { type ReceiptStatement, receipt } from "../src/statements.ts";
import { releaseOf, untilDecided, Vendor } from "../src/vendor.ts";

const V1 = { major: 1, minor: 0, patch: 0 };
const REWARD = 2n * UNIT;
const RAISED = 3n * UNIT;
/** For each of so many devices, a little less. */
const SMALL_REWARD = REWARD / 10n;
/** An id that nothing has. */
const NOTHING = 1_000_000n;

/** Everything that was paid or burnt in this file. */
const flows = { first: 0n, second: 0n, burnt: 0n };

type FiveReceipts = [Receipt, Receipt, Receipt, Receipt, Receipt];

/** A bounty and the block of its expiry. */
interface Opened {
	readonly bounty: bigint;
	readonly expiresAt: number;
}

describe("a bounty's life", () => {
	const { nodes, blocks } = inject("started");
	const payload = randomBytes(100_000);
	const digest = sha256(payload);
	let api: ApiPromise;
	let vendor: Vendor;
	let accounts: [KeyringPair, KeyringPair, KeyringPair, KeyringPair];
	let first: KeyringPair;
	let second: KeyringPair;
	let stranger: KeyringPair;
	const [six, three, two] = [new Devices(6), new Devices(3), new Devices(2)];
	/** So many that their cap has three nodes. */
	const many = new Devices(600);
	let model: bigint;
	/** The fleets of those devices, and one of another model. */
	let fleet: bigint;
	let expiringFleet: bigint;
	let yankedFleet: bigint;
	let otherFleet: bigint;
	let largeFleet: bigint;
	/** Two releases that are available, and one that is not what it declares. */
	let release: bigint;
	let yanked: bigint;
	let doubtful: bigint;
	let yankedBounty: Opened;
	let largeBounty: Opened;
	let start: Place;
	let deposit: bigint;
	let window: number;
	let minPages: number;
	let minDuration: number;

	/** Opens a bounty for a release and a fleet. */
	async function open(of: bigint, fleet: bigint, blocksOpen: number, reward = REWARD): Promise<Opened> {
		const expiresAt = (await now(api)) + blocksOpen;
		const outcome = await succeed(api, vendor.account, call(api, "podBounty.open", of, fleet, reward, expiresAt));
		return { bounty: BigInt(find(outcome.events, "podBounty.BountyOpened").bounty as number), expiresAt };
	}

	const close = (bounty: bigint, pages = minPages) => call(api, "podBounty.close", bounty, pages);
	const raise = (bounty: bigint, reward: bigint, expiresAt: number) =>
		call(api, "podBounty.raise", bounty, reward, expiresAt);

	/** What is on hold of an account for one reason, such as `Reward`. */
	async function held(account: KeyringPair, reason: string): Promise<bigint> {
		type Hold = { id: Record<string, string>; amount: number | Hex };
		const holds = (await stored<Hold[]>(api, "balances.holds", [account.address])) ?? [];
		return BigInt(holds.find(({ id }) => id.podBounty === reason)?.amount ?? 0);
	}

	beforeAll(async () => {
		api = await connect(nodes[0] ?? "");
		accounts = (await fundedAccounts(api, 4)) as typeof accounts;
		[, first, second, stranger] = accounts;
		vendor = new Vendor(api, accounts[0]);
		let otherModel: bigint;
		[model, otherModel] = (await vendor.register("thermostat", "doorbell")) as [bigint, bigint];
		const payloadCid = await addFile(blocks, payload);
		const fleetOf = async (of: bigint, devices: Devices) => ({
			model: of,
			devices,
			manifest: await addFile(blocks, devices.manifest),
		});
		[fleet, expiringFleet, yankedFleet, otherFleet, largeFleet] = (await vendor.registerFleets(
			await fleetOf(model, six),
			await fleetOf(model, three),
			await fleetOf(model, two),
			await fleetOf(otherModel, new Devices(1)),
			await fleetOf(model, many),
		)) as [bigint, bigint, bigint, bigint, bigint];
		[release, yanked, doubtful] = (await vendor.publish(
			releaseOf(model, V1, 1, payloadCid, payload),
			releaseOf(model, { ...V1, patch: 1 }, 1, payloadCid, payload),
			releaseOf(model, { ...V1, patch: 2 }, 1, payloadCid, randomBytes(payload.length)),
		)) as [bigint, bigint, bigint];
		const states = await Promise.all([release, yanked, doubtful].map((id) => untilDecided(api, id)));
		expect(states).toEqual(["Available", "Available", "Unavailable"]);
		deposit = constant(api, "podBounty.reservationDeposit");
		window = Number(constant(api, "podBounty.exclusiveWindow"));
		minPages = Number(constant(api, "podBounty.minClosePages"));
		minDuration = Number(constant(api, "podBounty.minDuration"));
		start = await place(api);
	});

	afterAll(async () => await api?.disconnect());

	describe("of a fleet whose devices are all served", () => {
		let bounty: bigint;
		let expiresAt: number;
		let one: Delivery;
		let other: Delivery;
		/** The reservations of the two distributors. */
		let earlier: Outcome;
		let later: Outcome;

		it("should not open with a wrong argument", async () => {
			const soon = (await now(api)) + minDuration + 100;
			const opening = (of: bigint, to: bigint, reward = REWARD, until = soon) =>
				call(api, "podBounty.open", of, to, reward, until);
			const maxDuration = Number(constant(api, "podBounty.maxDuration"));
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.NotVendor", opening(release, fleet)]]),
				expectRefusals(api, vendor.account, [
					["podBounty.UnknownRelease", opening(NOTHING, fleet)],
					["podBounty.ReleaseUnavailable", opening(doubtful, fleet)],
					["podBounty.UnknownFleet", opening(release, NOTHING)],
					["podBounty.WrongModel", opening(release, otherFleet)],
					["podBounty.RewardTooLow", opening(release, fleet, constant(api, "podBounty.minReward") - 1n)],
					["podBounty.DurationTooShort", opening(release, fleet, REWARD, soon - 100)],
					["podBounty.DurationTooLong", opening(release, fleet, REWARD, soon + maxDuration)],
					["token.FundsUnavailable", opening(release, fleet, 1_000n * UNIT)],
					["arithmetic.Overflow", opening(release, fleet, (1n << 128n) - 1n)],
				]),
			]);
		});

		it("should hold the reward for every device when it opens", async () => {
			const before = await balance(api, vendor.account.address);
			({ bounty, expiresAt } = await open(release, fleet, minDuration + 300));
			one = new Delivery(api, first, bounty, six, digest);
			other = new Delivery(api, second, bounty, six, digest);
			expect(await held(vendor.account, "Reward")).toBe(REWARD * 6n);
			expect((await balance(api, vendor.account.address)).held).toBeGreaterThan(before.held + REWARD * 6n);
			const info = { release: Number(release), fleet: Number(fleet), count: 6, paid: 0, reserved: 0, closing: false };
			expect(await ask(api, "podBountyApi.bounty", bounty)).toMatchObject(info);
			await expectRefusals(api, vendor.account, [
				["podBounty.AlreadyOpen", call(api, "podBounty.open", release, fleet, REWARD, expiresAt)],
				["firmware.FleetInUse", call(api, "firmware.removeFleet", fleet)],
			]);
		});

		it("should refuse receipts that do not hold", async () => {
			const good = await one.receipt(0);
			const proof = six.proof([good]);
			const alone = (changed: object) => one.reserve([{ ...good, ...changed }]);
			const statement = await one.statement(0);
			const signature = ({ signature }: Receipt) => ({ signature });
			const signedFor = async (changed: Partial<ReceiptStatement>) => alone(signature(await one.receipt(0, changed)));
			const elsewhere = (six.keys[0] as (typeof six.keys)[number]).sign(receipt, statement, randomBytes(32));
			await expectRefusals(api, first, [
				["podBounty.EmptyBatch", one.reserve([])],
				["podBounty.UnknownBounty", one.reserve([good], { bounty: NOTHING })],
				["podBounty.NoSuchDevice", alone({ deviceIndex: 6 })],
				["podBounty.ReceiptExpired", one.reserve([await one.receipt(0, { validUntil: 1 })])],
				["podBounty.WrongReservation", alone({ replaces: 0 })],
				["podBounty.WeakKey", alone({ deviceKey: ed25519(new Uint8Array(32)) })],
				["podBounty.MalformedProof", one.reserve([good], { proof: [] })],
				["podBounty.MalformedProof", one.reserve([good], { proof: proof.slice(1) })],
				["podBounty.MalformedProof", one.reserve([good], { proof: [...proof, hex(six.tree.root)] })],
				["podBounty.InvalidProof", one.reserve([good], { proof: proof.toReversed() })],
				["podBounty.InvalidProof", alone({ deviceIndex: 1 })],
				["podBounty.InvalidProof", alone({ deviceKey: ed25519(six.keys[1]?.publicKey ?? new Uint8Array()) })],
				["podBounty.InvalidProof", alone({ deviceKey: ed25519(six.tree.root) })],
				["podBounty.InvalidSignature", alone({ lock: hex(freshLock().lock) })],
				["podBounty.InvalidSignature", alone({ validUntil: good.validUntil + 1 })],
				["podBounty.InvalidSignature", alone({ signature: ed25519(elsewhere) })],
				["podBounty.InvalidSignature", alone({ signature: ed25519(new Uint8Array(64)) })],
				["podBounty.InvalidSignature", alone(signature(await other.receipt(0)))],
				["podBounty.InvalidSignature", await signedFor({ bounty: bounty + 1n })],
				["podBounty.InvalidSignature", await signedFor({ digest: randomBytes(32) })],
			]);
			// A copied receipt locks nothing for who copied it.
			await expectRefusals(api, stranger, [["podBounty.InvalidSignature", one.reserve([good])]]);
		});

		it("should reserve the good receipts of a batch and name the bad ones", async () => {
			const good = await one.receipts([0, 1, 2]);
			const bad = { ...(await one.receipt(3)), signature: (await other.receipt(3)).signature };
			earlier = await succeed(api, first, one.reserve([...good, good[2] as Receipt, bad]));
			expect(find(earlier.events, "podBounty.Reserved")).toMatchObject({
				bounty: Number(bounty),
				distributor: first.address,
				devices: 3,
				exclusiveUntil: earlier.number + window,
			});
			expect(named(earlier, "podBounty.ReceiptRejected")).toEqual([
				{ bounty: Number(bounty), deviceIndex: 2, reason: "OutOfOrder" },
				{ bounty: Number(bounty), deviceIndex: 3, reason: "InvalidSignature" },
			]);
			expect(await held(first, "Reservation")).toBe(deposit * 3n);
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 0)).toEqual({ paid: false, reserved: 0 });
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 3)).toEqual({ paid: false, reserved: null });
		});

		it("should only ever be raised, for those who reserve later", async () => {
			const maxDuration = Number(constant(api, "podBounty.maxDuration"));
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.NotVendor", raise(bounty, RAISED, expiresAt)]]),
				expectRefusals(api, vendor.account, [
					["podBounty.UnknownBounty", raise(NOTHING, RAISED, expiresAt)],
					["podBounty.CannotReduce", raise(bounty, REWARD - 1n, expiresAt + 1)],
					["podBounty.CannotReduce", raise(bounty, RAISED, expiresAt - 1)],
					["podBounty.NothingRaised", raise(bounty, REWARD, expiresAt)],
					["podBounty.DurationTooLong", raise(bounty, REWARD, expiresAt + maxDuration)],
					["token.FundsUnavailable", raise(bounty, 1_000n * UNIT, expiresAt)],
				]),
			]);
			await succeed(api, vendor.account, raise(bounty, RAISED, expiresAt));
			expect(await held(vendor.account, "Reward")).toBe(RAISED * 6n);
			// Its exclusive window does not wait for finality.
			later = await succeed(api, second, await other.reserveDevices([3, 4, 5]), "included");
			await expectRefusals(api, first, [
				["podBounty.AlreadyReserved", await one.reserveDevices([3])],
				["podBounty.StillExclusive", one.reserve([await one.receipt(4, {}, reservationOf(later))])],
			]);
			expect(BigInt(String(find(later.events, "podBounty.Reserved").reward))).toBe(RAISED);
			const earned = await ask<{ reward: number | Hex }>(api, "podBountyApi.reservation", bounty, reservationOf(earlier));
			expect(BigInt(earned.reward)).toBe(REWARD);
		});

		it("should refuse claims that do not hold", async () => {
			const id = reservationOf(earlier);
			const wrong = [0, hex(randomBytes(32))] as const;
			await expectRefusals(api, first, [
				["podBounty.EmptyBatch", one.claim(id, [])],
				["podBounty.UnknownBounty", one.claim(id, one.keys([0]), NOTHING)],
				["podBounty.UnknownReservation", one.claimDevices(99, [0])],
				["podBounty.NotDistributor", one.claimDevices(reservationOf(later), [3])],
				["podBounty.NotInReservation", one.claimDevices(id, [3])],
				["podBounty.NotInReservation", one.claimDevices(id, [6])],
				["podBounty.WrongKey", one.claim(id, [wrong])],
				["podBounty.WrongKey", one.claim(id, [[0, hex(one.lock(0).lock)]])],
			]);
		});

		it("should pay the reservation's distributor alone when somebody copies its claim", async () => {
			const keys = [...one.keys([0, 1]), [2, hex(randomBytes(32))] as const];
			const claim = one.claim(reservationOf(earlier), keys);
			const before = await place(api);
			// The copy pays a tip to go first.
			const [paid, copied] = await Promise.all([
				submit(api, first, claim),
				submit(api, stranger, one.claim(reservationOf(earlier), keys), UNIT),
			]);
			expect(copied.error).toBe("podBounty.NotDistributor");
			expect(copied.events.map(({ name }) => name)).not.toContain("podBounty.KeyRevealed");
			expect(paid.error).toBeUndefined();
			for (const { deviceIndex, key, distributor } of named(paid, "podBounty.KeyRevealed")) {
				expect(distributor).toBe(first.address);
				expect(sha256(unhex(key as Hex))).toEqual(one.lock(deviceIndex as number).lock);
			}
			expect(named(paid, "podBounty.KeyRevealed").map(({ deviceIndex }) => deviceIndex)).toEqual([0, 1]);
			expect(named(paid, "podBounty.ClaimRejected")).toEqual([
				{ bounty: Number(bounty), deviceIndex: 2, reason: "WrongKey" },
			]);
			expect(payment(paid)).toEqual({ distributor: first.address, devices: 2, amount: REWARD * 2n });
			flows.first += REWARD * 2n;

			const { accounts: changed } = await changes(api, [first, stranger], before, await place(api));
			const [ours, theirs] = changed as [Change, Change];
			expect(ours.total).toBe(REWARD * 2n - ours.fee);
			expect(ours.held).toBe(-deposit * 2n);
			expect([theirs.total, theirs.held]).toEqual([-theirs.fee, 0n]);
			expect(copied.fee).toBeGreaterThan(UNIT);
		});

		it("should pay each device once", async () => {
			const id = reservationOf(earlier);
			await expectRefusals(api, first, [["podBounty.NotInReservation", one.claimDevices(id, [0])]]);
			const [rest, raised] = await Promise.all([
				succeed(api, first, one.claimDevices(id, [2])),
				succeed(api, second, other.claimDevices(reservationOf(later), [3])),
			]);
			expect(payment(rest)).toEqual({ distributor: first.address, devices: 1, amount: REWARD });
			expect(payment(raised)).toEqual({ distributor: second.address, devices: 1, amount: RAISED });
			flows.first += REWARD;
			flows.second += RAISED;
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 2)).toEqual({ paid: true, reserved: null });
			expect(await held(first, "Reservation")).toBe(0n);
			await expectRefusals(api, first, [
				["podBounty.UnknownReservation", one.claimDevices(id, [2])],
				["podBounty.AlreadyPaid", await one.reserveDevices([0])],
			]);
		});

		it("should let a device go to another distributor once its reservation has lapsed, and burn the deposit", async () => {
			const id = reservationOf(later);
			await untilBlock(api, later.number + window);
			const before = await place(api);
			const taken = await succeed(api, first, one.reserve([await one.receipt(4, {}, id)]));
			expect(find(taken.events, "podBounty.SlotsReplaced")).toMatchObject({
				reservation: id,
				distributor: second.address,
				replacedBy: reservationOf(taken),
				devices: 1,
			});
			const { accounts: changed, issuance } = await changes(api, [second], before, await place(api));
			const [loser] = changed as [Change];
			expect([loser.held, loser.total]).toEqual([-deposit, -deposit - loser.fee]);
			expect(issuance).toBe(-deposit);
			flows.burnt += deposit;

			// What has lapsed but was not taken stays payable.
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 5)).toEqual({ paid: false, reserved: id });
			const [won, lost] = await Promise.all([
				submit(api, first, one.claimDevices(reservationOf(taken), [4])),
				submit(api, second, other.claimDevices(id, [4, 5])),
			]);
			expect(payment(won)).toMatchObject({ devices: 1, amount: RAISED });
			expect(payment(lost)).toMatchObject({ devices: 1, amount: RAISED });
			expect(named(lost, "podBounty.ClaimRejected")).toMatchObject([{ deviceIndex: 4, reason: "NotInReservation" }]);
			flows.first += RAISED;
			flows.second += RAISED;
		});

		it("should be closed by anyone before its expiry once every device is paid", async () => {
			await expectRefusals(api, vendor.account, [["podBounty.FullyPaid", raise(bounty, RAISED + 1n, expiresAt)]]);
			const closed = await succeed(api, stranger, close(bounty));
			// Three devices were paid at the old reward while the new one was on hold for all six.
			const { refunded } = find(closed.events, "podBounty.BountyClosing");
			expect(BigInt(String(refunded))).toBe((RAISED - REWARD) * 3n);
			expect(find(closed.events, "podBounty.BountyClosed")).toEqual({ bounty: Number(bounty) });
			expect(await held(vendor.account, "Reward")).toBe(0n);
			expect(await ask(api, "podBountyApi.bounty", bounty)).toBeNull();
			await expectRefusals(api, stranger, [["podBounty.UnknownBounty", close(bounty)]]);
		});
	});

	describe("of a large fleet", () => {
		/** Some under each node of the cap. */
		const chosen = [0, 1, 7, 255, 256, 300, 511, 512, 599];
		let one: Delivery;
		let earlier: Outcome;
		let later: Outcome;

		it("should reserve devices all over the fleet by one proof", async () => {
			largeBounty = await open(release, largeFleet, minDuration + 4 * window, SMALL_REWARD);
			one = new Delivery(api, first, largeBounty.bounty, many, digest);
			expect(many.cap).toHaveLength(3);
			const receipts = await one.receipts(chosen);
			const separately = chosen.flatMap((index) => many.tree.proof(index));
			expect(many.proof(receipts).length).toBeLessThan(separately.length);
			earlier = await succeed(api, first, one.reserve(receipts));
			expect(find(earlier.events, "podBounty.Reserved")).toMatchObject({ devices: chosen.length });
			expect(named(earlier, "podBounty.ReceiptRejected")).toEqual([]);
		});

		it("should reject a wrong device with those under its node of the cap, and no others", async () => {
			const [taken, good, wrong, spoilt, far] = (await one.receipts([0, 2, 257, 258, 513])) as FiveReceipts;
			const stolen = { ...wrong, deviceKey: ed25519(many.publicKeys[259] ?? new Uint8Array()) };
			const batch = [taken, good, stolen, spoilt, { ...far, deviceIndex: 600 }, far, far, good];
			// The proof is of all that are in order and exist, whether they hold or not.
			const proof = many.tree.multiproof(many.capHeight, [0, 2, 257, 258, 513]).map(hex);
			const ofTheGood = many.tree.multiproof(many.capHeight, [2, 513]).map(hex);
			await expectRefusals(api, first, [
				["podBounty.MalformedProof", one.reserve(batch, { proof: ofTheGood })],
				["podBounty.MalformedProof", one.reserve(batch, { proof: proof.slice(1) })],
				["podBounty.MalformedProof", one.reserve(batch, { proof: [...proof, hex(many.tree.root)] })],
				["podBounty.InvalidProof", one.reserve([stolen, spoilt])],
			]);
			later = await succeed(api, first, one.reserve(batch, { proof }));
			expect(find(later.events, "podBounty.Reserved")).toMatchObject({ devices: 2 });
			const rejected = named(later, "podBounty.ReceiptRejected");
			expect(rejected.map(({ deviceIndex, reason }) => [deviceIndex, reason])).toEqual([
				[0, "AlreadyReserved"],
				[257, "InvalidProof"],
				[258, "InvalidProof"],
				[600, "NoSuchDevice"],
				[513, "OutOfOrder"],
				[2, "OutOfOrder"],
			]);
		});

		it("should pay for all that were reserved", async () => {
			const claims = [one.claimDevices(reservationOf(earlier), chosen), one.claimDevices(reservationOf(later), [2, 513])];
			const paid = (await succeedAll(api, first, claims)).map(payment);
			expect(paid).toMatchObject([{ devices: chosen.length }, { devices: 2 }]);
			expect(await ask(api, "podBountyApi.bounty", largeBounty.bounty)).toMatchObject({ paid: 11, reserved: 0 });
			flows.first += SMALL_REWARD * 11n;
		});
	});

	describe("of a release that is yanked", () => {
		it("should take no more reservations but pay those made", async () => {
			const { bounty, expiresAt } = await open(yanked, yankedFleet, minDuration + 4 * window);
			yankedBounty = { bounty, expiresAt };
			const other = new Delivery(api, second, bounty, two, digest);
			const reserved = await succeed(api, second, await other.reserveDevices([0]));
			await succeed(api, vendor.account, call(api, "firmware.yankRelease", yanked, "Vulnerable", null));
			await Promise.all([
				expectRefusals(api, second, [["podBounty.ReleaseYanked", await other.reserveDevices([1])]]),
				expectRefusals(api, vendor.account, [
					["podBounty.ReleaseYanked", raise(bounty, RAISED, expiresAt)],
					["podBounty.ReleaseYanked", call(api, "podBounty.open", yanked, fleet, REWARD, expiresAt + 100)],
				]),
			]);
			const claimed = await succeed(api, second, other.claimDevices(reservationOf(reserved), [0]));
			expect(payment(claimed)).toEqual({ distributor: second.address, devices: 1, amount: REWARD });
			flows.second += REWARD;
		});
	});

	describe("that expires", () => {
		let bounty: bigint;
		let expiresAt: number;
		let one: Delivery;
		let reservation: number;

		it("should stay payable after its expiry but take no reservation", async () => {
			({ bounty, expiresAt } = await open(release, expiringFleet, minDuration + 2 * window));
			one = new Delivery(api, first, bounty, three, digest);
			await expectRefusals(api, stranger, [
				["podBounty.NotExpired", close(bounty)],
				["podBounty.TooFewPages", close(bounty, minPages - 1)],
			]);
			await untilBlock(api, expiresAt - window / 2);
			// Its exclusive window does not wait for finality.
			const reserved = await succeed(api, first, await one.reserveDevices([0, 1]), "included");
			reservation = reservationOf(reserved);
			await untilBlock(api, expiresAt - 1);
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.ReservationsExclusive", close(bounty)]]),
				expectRefusals(api, first, [["podBounty.Expired", await one.reserveDevices([2])]]),
				expectRefusals(api, vendor.account, [["podBounty.Expired", raise(bounty, RAISED, expiresAt + 100)]]),
			]);
			expect(payment(await succeed(api, first, one.claimDevices(reservation, [0])))).toMatchObject({ devices: 1 });
			flows.first += REWARD;
		});

		it("should be closed, refund the rest and burn what was never claimed", async () => {
			const info = await ask<{ exclusiveUntil: number }>(api, "podBountyApi.bounty", bounty);
			await untilBlock(api, info.exclusiveUntil);
			const closed = await succeed(api, stranger, close(bounty));
			const { refunded } = find(closed.events, "podBounty.BountyClosing");
			expect(BigInt(String(refunded))).toBe(REWARD * 2n);
			expect(find(closed.events, "podBounty.DepositBurnt")).toMatchObject({ reservation, distributor: first.address });
			flows.burnt += deposit;
			expect(find(closed.events, "podBounty.BountyClosed")).toEqual({ bounty: Number(bounty) });
			await expectRefusals(api, first, [["podBounty.UnknownBounty", one.claimDevices(reservation, [1])]]);
		});

		it("should be refunded even if its release was yanked, and leave its fleet free", async () => {
			await untilBlock(api, Math.max(yankedBounty.expiresAt, largeBounty.expiresAt));
			const closures = [yankedBounty, largeBounty].map(({ bounty }) => close(bounty));
			const closed = await succeedAll(api, vendor.account, closures);
			const refunds = closed.map(({ events }) => BigInt(String(find(events, "podBounty.BountyClosing").refunded)));
			expect(refunds).toEqual([REWARD, SMALL_REWARD * 589n]);
			const removals = [fleet, expiringFleet, yankedFleet, largeFleet].map((id) => call(api, "firmware.removeFleet", id));
			await succeedAll(api, vendor.account, removals);
		});
	});

	describe("as devices find it", () => {
		it("should be served by distributors who publish where they are", async () => {
			const announce = (endpoint: string) => call(api, "podBounty.announce", endpoint);
			await expectRefusals(api, first, [
				["podBounty.InvalidEndpoint", announce("")],
				["podBounty.InvalidEndpoint", announce("http://127.0.0.1:80 80")],
				["podBounty.NotAnnounced", call(api, "podBounty.withdraw")],
			]);
			const before = await balance(api, first.address);
			await succeedAll(api, first, ["http://127.0.0.1:9000", "http://127.0.0.1:9001"].map(announce));
			const distributors = await ask<[string, Hex][]>(api, "podBountyApi.distributors");
			expect(distributors).toContainEqual([first.address, hex(new TextEncoder().encode("http://127.0.0.1:9001"))]);
			expect((await balance(api, first.address)).held).toBeGreaterThan(before.held);
			await succeed(api, first, call(api, "podBounty.withdraw"));
			expect((await balance(api, first.address)).held).toBe(before.held);
			expect(await ask<unknown[]>(api, "podBountyApi.distributors")).toEqual(
				distributors.filter(([account]) => account !== first.address),
			);
		});
	});

	it("should add up to the planck", async () => {
		const end = await place(api);
		const { accounts: changed, issuance, everybody, fees } = await changes(api, accounts, start, end);
		const [ofVendor, ofFirst, ofSecond, ofStranger] = changed as [Change, Change, Change, Change];
		// Each distributor left one reserved device unclaimed.
		expect(flows.burnt).toBe(deposit * 2n);
		expect(ofFirst.total).toBe(flows.first - deposit - ofFirst.fee);
		expect(ofSecond.total).toBe(flows.second - deposit - ofSecond.fee);
		expect(ofStranger.total).toBe(-ofStranger.fee);
		expect(ofVendor.total).toBe(-flows.first - flows.second - ofVendor.fee);
		expect([ofFirst.held, ofSecond.held, ofStranger.held]).toEqual([0n, 0n, 0n]);
		expect(await held(vendor.account, "Reward")).toBe(0n);
		// Nothing but the deposits is gone; all fees went to the authors.
		expect(issuance).toBe(-flows.burnt);
		expect(everybody).toBe(issuance);
		const ours = changed.reduce((sum, { total }) => sum + total, 0n);
		const allFees = [...fees.values()].reduce((sum, value) => sum + value, 0n);
		expect(everybody - ours).toBe(allFees);
		expect(new Set(fees.keys())).toEqual(new Set(accounts.map(({ address }) => address)));
	});
});

/** The fields of every event of this name. */
const named = ({ events }: Outcome, name: string): Event["data"][] =>
	events.filter((event) => event.name === name).map(({ data }) => data);

/** What a claim paid. */
function payment({ events }: Outcome): { distributor: unknown; devices: unknown; amount: bigint } {
	const { distributor, devices, amount } = find(events, "podBounty.Paid");
	return { distributor, devices, amount: BigInt(String(amount)) };
}
