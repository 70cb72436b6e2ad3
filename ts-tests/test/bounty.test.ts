/** A bounty's life: from the vendor's promise to the last device that is paid for. */

import { randomBytes } from "node:crypto";
import type { ApiPromise } from "@polkadot/api";
import type { KeyringPair } from "@polkadot/keyring/types";
import { beforeAll, describe, expect, it } from "vitest";
import { balance, UNIT } from "../src/accounts.ts";
import { describeBlocks } from "../src/blocks.ts";
import { type Hex, hex, sha256, unhex } from "../src/bytes.ts";
import { ask, call, constant, find, now, type Outcome, submit, succeed, succeedAll, untilBlock } from "../src/chain.ts";
import { type Delivery, Devices, freshLock, type Receipt, reservationOf } from "../src/delivery.ts";
import { addFile } from "../src/gateway.ts";
import { ed25519 } from "../src/keys.ts";
import { type Change, changes, place } from "../src/ledger.ts";
import { Market, NOTHING, named, type Opened, payment, REWARD } from "../src/market.ts";
import { OwnNetwork } from "../src/own-network.ts";
import { expectRefusals } from "../src/refusals.ts";
import { type ReceiptStatement, receipt } from "../src/statements.ts";
import { releaseOf, untilDecided, type Vendor } from "../src/vendor.ts";

const V1 = { major: 1, minor: 0, patch: 0 };
const RAISED = REWARD + UNIT;

const network = new OwnNetwork();

describe("a bounty's life", () => {
	const payload = randomBytes(100_000);
	const six = new Devices(6);
	let api: ApiPromise;
	let market: Market;
	let vendor: Vendor;
	let first: KeyringPair;
	let second: KeyringPair;
	let stranger: KeyringPair;
	/** The fleet of those devices, and one of another model. */
	let fleet: bigint;
	let otherFleet: bigint;
	/** A release that is available, and one whose payload is not what it declares. */
	let release: bigint;
	let doubtful: bigint;

	beforeAll(async () => {
		market = await Market.of(network.running);
		({ api, vendor, first, second, stranger } = market);
		const [model, otherModel] = (await vendor.register("thermostat", "doorbell")) as [bigint, bigint];
		const cid = await addFile(network.running.blocks, payload);
		const { fleets, releases } = await vendor.offer(
			[await market.fleet(model, six), await market.fleet(otherModel, new Devices(1))],
			[releaseOf(model, V1, 1, cid, payload), releaseOf(model, { ...V1, patch: 1 }, 1, cid, randomBytes(payload.length))],
		);
		[fleet, otherFleet] = fleets as [bigint, bigint];
		[release, doubtful] = releases as [bigint, bigint];
		const states = await Promise.all([release, doubtful].map((id) => untilDecided(api, id)));
		expect(states).toEqual(["Available", "Unavailable"]);
		await market.begin();
	});

	describe("of a fleet whose devices are all served", () => {
		let bounty: bigint;
		let expiresAt: number;
		let one: Delivery;
		let other: Delivery;
		/** The reservations of the two distributors. */
		let earlier: Outcome;
		let later: Outcome;

		it("should not open with a wrong argument", async () => {
			const soon = (await now(api)) + market.minDuration + 100;
			const opening = (of: bigint, to: bigint, reward = REWARD, until = soon) =>
				call(api, "podBounty.open", of, to, reward, until);
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.NotVendor", opening(release, fleet)]]),
				expectRefusals(api, vendor.account, [
					["podBounty.UnknownRelease", opening(NOTHING, fleet)],
					["podBounty.ReleaseUnavailable", opening(doubtful, fleet)],
					["podBounty.UnknownFleet", opening(release, NOTHING)],
					["podBounty.WrongModel", opening(release, otherFleet)],
					["podBounty.RewardTooLow", opening(release, fleet, constant(api, "podBounty.minReward") - 1n)],
					["podBounty.DurationTooShort", opening(release, fleet, REWARD, soon - 100)],
					["podBounty.DurationTooLong", opening(release, fleet, REWARD, soon + market.maxDuration)],
					["token.FundsUnavailable", opening(release, fleet, 1_000n * UNIT)],
					["arithmetic.Overflow", opening(release, fleet, (1n << 128n) - 1n)],
				]),
			]);
		});

		it("should hold the reward for every device when it opens", async () => {
			const before = await balance(api, vendor.account.address);
			[{ bounty, expiresAt }] = (await market.open(market.minDuration + 300, { release, fleet })) as [Opened];
			one = market.delivery(first, bounty, six, payload);
			other = market.delivery(second, bounty, six, payload);
			expect(await market.held(vendor.account, "Reward")).toBe(REWARD * 6n);
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
			// A copied receipt reserves nothing for the account that copied it.
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
				exclusiveUntil: earlier.number + market.window,
			});
			expect(named(earlier, "podBounty.ReceiptRejected")).toEqual([
				{ bounty: Number(bounty), deviceIndex: 2, reason: "OutOfOrder" },
				{ bounty: Number(bounty), deviceIndex: 3, reason: "InvalidSignature" },
			]);
			expect(await market.held(first, "Reservation")).toBe(market.deposit * 3n);
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 0)).toEqual({ paid: false, reserved: 0 });
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 3)).toEqual({ paid: false, reserved: null });
		});

		it("should only ever be raised, for those who reserve later", async () => {
			await Promise.all([
				expectRefusals(api, stranger, [["podBounty.NotVendor", market.raise(bounty, RAISED, expiresAt)]]),
				expectRefusals(api, vendor.account, [
					["podBounty.UnknownBounty", market.raise(NOTHING, RAISED, expiresAt)],
					["podBounty.CannotReduce", market.raise(bounty, REWARD - 1n, expiresAt + 1)],
					["podBounty.CannotReduce", market.raise(bounty, RAISED, expiresAt - 1)],
					["podBounty.NothingRaised", market.raise(bounty, REWARD, expiresAt)],
					["podBounty.DurationTooLong", market.raise(bounty, REWARD, expiresAt + market.maxDuration)],
					["token.FundsUnavailable", market.raise(bounty, 1_000n * UNIT, expiresAt)],
				]),
			]);
			await succeed(api, vendor.account, market.raise(bounty, RAISED, expiresAt));
			expect(await market.held(vendor.account, "Reward")).toBe(RAISED * 6n);
			// The exclusive window does not wait for finality, so neither can the test.
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
			market.paid.first += REWARD * 2n;

			const { accounts: changed } = await changes(api, [first, stranger], before, await place(api));
			const [ours, theirs] = changed as [Change, Change];
			expect(ours.total).toBe(REWARD * 2n - ours.fee);
			expect(ours.held).toBe(-market.deposit * 2n);
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
			market.paid.first += REWARD;
			market.paid.second += RAISED;
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 2)).toEqual({ paid: true, reserved: null });
			expect(await market.held(first, "Reservation")).toBe(0n);
			await expectRefusals(api, first, [
				["podBounty.UnknownReservation", one.claimDevices(id, [2])],
				["podBounty.AlreadyPaid", await one.reserveDevices([0])],
			]);
		});

		// This test is here to use the time: the next one waits for an exclusive window to end.
		it("should be served by distributors who publish where they are", async () => {
			const announce = (endpoint: string) => call(api, "podBounty.announce", endpoint);
			await expectRefusals(api, first, [
				["podBounty.InvalidEndpoint", announce("")],
				["podBounty.InvalidEndpoint", announce("http://127.0.0.1:80 80")],
				["podBounty.NotAnnounced", call(api, "podBounty.withdraw")],
			]);
			const before = await balance(api, first.address);
			await succeedAll(api, first, ["http://127.0.0.1:9000", "http://127.0.0.1:9001"].map(announce));
			const distributors = await ask<{ account: string; endpoint: Hex }[]>(api, "podBountyApi.distributors");
			const endpoint = hex(new TextEncoder().encode("http://127.0.0.1:9001"));
			expect(distributors).toContainEqual({ account: first.address, endpoint });
			expect((await balance(api, first.address)).held).toBeGreaterThan(before.held);
			await succeed(api, first, call(api, "podBounty.withdraw"));
			expect((await balance(api, first.address)).held).toBe(before.held);
			expect(await ask<unknown[]>(api, "podBountyApi.distributors")).toEqual(
				distributors.filter(({ account }) => account !== first.address),
			);
		});

		it("should let a device go to another distributor once its reservation has lapsed, and burn the deposit", async () => {
			const id = reservationOf(later);
			await untilBlock(api, later.number + market.window);
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
			expect([loser.held, loser.total]).toEqual([-market.deposit, -market.deposit - loser.fee]);
			expect(issuance).toBe(-market.deposit);
			market.burnt.second += market.deposit;

			// A lapsed reservation that nobody took over stays payable.
			expect(await ask(api, "podBountyApi.deviceStatus", bounty, 5)).toEqual({ paid: false, reserved: id });
			const [won, lost] = await Promise.all([
				submit(api, first, one.claimDevices(reservationOf(taken), [4])),
				submit(api, second, other.claimDevices(id, [4, 5])),
			]);
			expect(payment(won)).toMatchObject({ devices: 1, amount: RAISED });
			expect(payment(lost)).toMatchObject({ devices: 1, amount: RAISED });
			expect(named(lost, "podBounty.ClaimRejected")).toMatchObject([{ deviceIndex: 4, reason: "NotInReservation" }]);
			market.paid.first += RAISED;
			market.paid.second += RAISED;
		});

		it("should be closed by anyone before its expiry once every device is paid", async () => {
			await expectRefusals(api, vendor.account, [["podBounty.FullyPaid", market.raise(bounty, RAISED + 1n, expiresAt)]]);
			const closed = await succeed(api, stranger, market.close(bounty));
			// Three devices were paid at the old reward while the new one was on hold for all six.
			const { refunded } = find(closed.events, "podBounty.BountyClosing");
			expect(BigInt(String(refunded))).toBe((RAISED - REWARD) * 3n);
			expect(find(closed.events, "podBounty.BountyClosed")).toEqual({ bounty: Number(bounty) });
			expect(await market.held(vendor.account, "Reward")).toBe(0n);
			expect(await ask(api, "podBountyApi.bounty", bounty)).toBeNull();
			await expectRefusals(api, stranger, [["podBounty.UnknownBounty", market.close(bounty)]]);
			await succeed(api, vendor.account, call(api, "firmware.removeFleet", fleet));
		});
	});

	it("should add up to the planck", async () => {
		// The second distributor left one reserved device unclaimed.
		expect(market.burnt).toEqual({ first: 0n, second: market.deposit });
		await market.expectSums();
	});
});

describeBlocks(network);
