/** A bounty's end: deliveries until it expires, and what happens to the rest. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { beforeAll, describe, expect, it } from "vitest";
import { UNIT } from "../src/accounts.ts";
import { describeBlocks } from "../src/blocks.ts";
import { hex } from "../src/bytes.ts";
import { ask, call, find, type Outcome, succeed, succeedAll, untilBlock } from "../src/chain.ts";
import { type Delivery, Devices, type Receipt, reservationOf } from "../src/delivery.ts";
import { addFile } from "../src/gateway.ts";
import { ed25519 } from "../src/keys.ts";
import { Market, named, type Opened, payment, REWARD } from "../src/market.ts";
import { OwnNetwork } from "../src/own-network.ts";
import { expectRefusals } from "../src/refusals.ts";
import { releaseOf, untilDecided, type Vendor } from "../src/vendor.ts";

const V1 = { major: 1, minor: 0, patch: 0 };
const RAISED = REWARD + UNIT;
/** The large fleet gets a smaller reward. */
const SMALL_REWARD = REWARD / 10n;

type FiveReceipts = [Receipt, Receipt, Receipt, Receipt, Receipt];

const network = new OwnNetwork();

describe("a bounty's end", () => {
	const payload = randomBytes(100_000);
	const [three, two] = [new Devices(3), new Devices(2)];
	/** Enough devices for a cap of three nodes. */
	const many = new Devices(600);
	let api: ApiPromise;
	let market: Market;
	let vendor: Vendor;
	let first: KeyringPair;
	let second: KeyringPair;
	let stranger: KeyringPair;
	let fleetOfThree: bigint;
	let fleetOfTwo: bigint;
	let fleetOfMany: bigint;
	/** A release, and one that is yanked. */
	let release: bigint;
	let yanked: bigint;
	/** The bounties for two of the fleets. The first is for the yanked release. */
	let ofTwo: Opened;
	let ofMany: Opened;

	beforeAll(async () => {
		market = await Market.of(network.running);
		({ api, vendor, first, second, stranger } = market);
		const [model] = (await vendor.register("thermostat")) as [bigint];
		const cid = await addFile(network.running.blocks, payload);
		const { fleets, releases } = await vendor.offer(
			await Promise.all([three, two, many].map((devices) => market.fleet(model, devices))),
			[releaseOf(model, V1, 1, cid, payload), releaseOf(model, { ...V1, patch: 1 }, 1, cid, payload)],
		);
		[fleetOfThree, fleetOfTwo, fleetOfMany] = fleets as [bigint, bigint, bigint];
		const states = await Promise.all(releases.map((id) => untilDecided(api, id)));
		expect(states).toEqual(["Available", "Available"]);
		await market.begin();

		[release, yanked] = releases as [bigint, bigint];
		// Open both now: they expire while the tests run, but not before the tests that need them
		// end.
		[ofTwo, ofMany] = (await market.open(
			market.minDuration + market.window,
			{ release: yanked, fleet: fleetOfTwo },
			{ release, fleet: fleetOfMany, reward: SMALL_REWARD },
		)) as [Opened, Opened];
	});

	describe("of a large fleet", () => {
		/** Some devices under each node of the cap. */
		const chosen = [0, 1, 7, 255, 256, 300, 511, 512, 599];
		let one: Delivery;
		let earlier: Outcome;
		let later: Outcome;

		it("should reserve devices all over the fleet by one proof", async () => {
			one = market.delivery(first, ofMany.bounty, many, payload);
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
			// The proof covers all receipts of existing devices in rising order, valid or not.
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
			expect(await ask(api, "podBountyApi.bounty", ofMany.bounty)).toMatchObject({ paid: 11, reserved: 0 });
			market.paid.first += SMALL_REWARD * 11n;
		});
	});

	describe("of a release that is yanked", () => {
		it("should take no more reservations but pay those made", async () => {
			const { bounty, expiresAt } = ofTwo;
			const other = market.delivery(second, bounty, two, payload);
			const reserved = await succeed(api, second, await other.reserveDevices([0]));
			await succeed(api, vendor.account, call(api, "firmware.yankRelease", yanked, "Vulnerable", null));
			await Promise.all([
				expectRefusals(api, second, [["podBounty.ReleaseYanked", await other.reserveDevices([1])]]),
				expectRefusals(api, vendor.account, [
					["podBounty.ReleaseYanked", market.raise(bounty, RAISED, expiresAt)],
					["podBounty.ReleaseYanked", call(api, "podBounty.open", yanked, fleetOfThree, REWARD, expiresAt + 100)],
				]),
			]);
			const claimed = await succeed(api, second, other.claimDevices(reservationOf(reserved), [0]));
			expect(payment(claimed)).toEqual({ distributor: second.address, devices: 1, amount: REWARD });
			market.paid.second += REWARD;
		});
	});

	describe("that expires", () => {
		let bounty: bigint;
		let expiresAt: number;
		let one: Delivery;
		let reservation: number;

		it("should stay payable after its expiry but take no reservation", async () => {
			// A margin over the minimum, because the opening may take some blocks to be included.
			const blocksOpen = market.minDuration + Math.ceil(market.window / 3);
			[{ bounty, expiresAt }] = (await market.open(blocksOpen, { release, fleet: fleetOfThree })) as [Opened];
			one = market.delivery(first, bounty, three, payload);
			await expectRefusals(api, stranger, [
				["podBounty.NotExpired", market.close(bounty)],
				["podBounty.TooFewPages", market.close(bounty, market.minPages - 1)],
			]);
			await untilBlock(api, expiresAt - market.window / 2);
			// The exclusive window does not wait for finality, so neither can the test.
			const reserved = await succeed(api, first, await one.reserveDevices([0, 1]), "included");
			reservation = reservationOf(reserved);
			await untilBlock(api, expiresAt - 1);
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.ReservationsExclusive", market.close(bounty)]]),
				expectRefusals(api, first, [["podBounty.Expired", await one.reserveDevices([2])]]),
				expectRefusals(api, vendor.account, [["podBounty.Expired", market.raise(bounty, RAISED, expiresAt + 100)]]),
			]);
			expect(payment(await succeed(api, first, one.claimDevices(reservation, [0])))).toMatchObject({ devices: 1 });
			market.paid.first += REWARD;
		});

		it("should be closed, refund the rest and burn what was never claimed", async () => {
			const info = await ask<{ exclusiveUntil: number }>(api, "podBountyApi.bounty", bounty);
			await untilBlock(api, info.exclusiveUntil);
			const closed = await succeed(api, stranger, market.close(bounty));
			const { refunded } = find(closed.events, "podBounty.BountyClosing");
			expect(BigInt(String(refunded))).toBe(REWARD * 2n);
			expect(find(closed.events, "podBounty.DepositBurnt")).toMatchObject({ reservation, distributor: first.address });
			market.burnt.first += market.deposit;
			expect(find(closed.events, "podBounty.BountyClosed")).toEqual({ bounty: Number(bounty) });
			await expectRefusals(api, first, [["podBounty.UnknownBounty", one.claimDevices(reservation, [1])]]);
		});

		it("should be refunded even if its release was yanked, and leave its fleet free", async () => {
			await untilBlock(api, Math.max(ofTwo.expiresAt, ofMany.expiresAt));
			const closures = [ofTwo, ofMany].map(({ bounty }) => market.close(bounty));
			const closed = await succeedAll(api, vendor.account, closures);
			const refunds = closed.map(({ events }) => BigInt(String(find(events, "podBounty.BountyClosing").refunded)));
			expect(refunds).toEqual([REWARD, SMALL_REWARD * 589n]);
			const removals = [fleetOfThree, fleetOfTwo, fleetOfMany].map((id) => call(api, "firmware.removeFleet", id));
			await succeedAll(api, vendor.account, removals);
		});
	});

	it("should add up to the planck", async () => {
		// The first distributor left one reserved device unclaimed.
		expect(market.burnt).toEqual({ first: market.deposit, second: 0n });
		await market.expectSums();
	});
});

describeBlocks(network);
