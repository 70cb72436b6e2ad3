/** The chain as a client of `@polkadot/api` sees it. */

import { ApiPromise, WsProvider } from "@polkadot/api";
import type { SubmittableExtrinsic } from "@polkadot/api/types";
import type { KeyringPair } from "@polkadot/keyring/types";
import type { EventRecord, Extrinsic, Header } from "@polkadot/types/interfaces";
import type { Codec, ISubmittableResult } from "@polkadot/types/types";
import type { Hex } from "./bytes.ts";

/** A transaction before it is signed. */
export type Call = SubmittableExtrinsic<"promise", ISubmittableResult>;

/** An event: `pallet.Name` and its fields, numbers and texts as JSON has them. */
export interface Event {
	readonly name: string;
	readonly data: Readonly<Record<string, unknown>>;
}

/** The outcome of a transaction. */
export interface Outcome {
	readonly block: Hex;
	readonly number: number;
	readonly events: readonly Event[];
	/** The name of the error, as `pallet.Name`, if the transaction failed. */
	readonly error: string | undefined;
	/** What its signer paid for it. */
	readonly fee: bigint;
}

/** Connects to a node. */
export async function connect(ws: string): Promise<ApiPromise> {
	return await ApiPromise.create({ provider: new WsProvider(ws), throwOnConnect: true, noInitWarn: true });
}

/** The hash of the first block, to which every statement is bound. */
export const genesis = (api: ApiPromise): Uint8Array => api.genesisHash.toU8a();

/** A transaction by its name, such as `podBounty.open`. */
export function call(api: ApiPromise, name: string, ...args: unknown[]): Call {
	const [pallet = "", method = ""] = name.split(".");
	const create = api.tx[pallet]?.[method];
	if (!create) {
		throw new Error(`the chain has no call ${name}`);
	}
	return create(...args);
}

/**
 * The value of a storage item such as `firmware.releases`, as JSON, in a block, by default the
 * newest.
 */
export async function stored<T>(api: ApiPromise, name: string, keys: readonly unknown[] = [], at?: Hex): Promise<T | null> {
	const [pallet = "", item = ""] = name.split(".");
	const source = at === undefined ? api : await api.at(at);
	const query = source.query[pallet]?.[item];
	if (!query) {
		throw new Error(`the chain has no storage item ${name}`);
	}
	return ((await query(...keys)) as Codec).toJSON() as T | null;
}

/** The answer of a runtime API such as `firmwareApi.latestRelease`, as JSON. */
export async function ask<T>(api: ApiPromise, name: string, ...args: unknown[]): Promise<T> {
	const [trait = "", method = ""] = name.split(".");
	const query = api.call[trait]?.[method];
	if (!query) {
		throw new Error(`the chain has no runtime API ${name}`);
	}
	return (await query(...args)).toJSON() as T;
}

/** A constant of the runtime, such as `podBounty.exclusiveWindow`. */
export function constant(api: ApiPromise, name: string): bigint {
	const [pallet = "", item = ""] = name.split(".");
	const value = api.consts[pallet]?.[item];
	if (!value) {
		throw new Error(`the chain has no constant ${name}`);
	}
	return BigInt(value.toString());
}

/** When a transaction counts as done: when its block is final, or as soon as it is in one. */
export type Stage = "final" | "included";

/** Signs and sends a transaction and waits until its block is final. */
export async function submit(api: ApiPromise, signer: KeyringPair, tx: Call, tip = 0n): Promise<Outcome> {
	const nonce = (await api.rpc.system.accountNextIndex(signer.address)).toNumber();
	return await settled(api, signer, tx, { nonce, tip }, "final");
}

/** Like `submit`, for transactions of one account in their order, without waiting between them. */
export async function submitAll(
	api: ApiPromise,
	signer: KeyringPair,
	txs: readonly Call[],
	stage: Stage = "final",
): Promise<Outcome[]> {
	const nonce = (await api.rpc.system.accountNextIndex(signer.address)).toNumber();
	return await Promise.all(txs.map((tx, index) => settled(api, signer, tx, { nonce: nonce + index }, stage)));
}

/** Like `submit`, but throws if the transaction fails. */
export async function succeed(api: ApiPromise, signer: KeyringPair, tx: Call, stage: Stage = "final"): Promise<Outcome> {
	const [outcome] = await succeedAll(api, signer, [tx], stage);
	return outcome as Outcome;
}

/** Like `submitAll`, but throws if a transaction fails. */
export async function succeedAll(
	api: ApiPromise,
	signer: KeyringPair,
	txs: readonly Call[],
	stage: Stage = "final",
): Promise<Outcome[]> {
	const outcomes = await submitAll(api, signer, txs, stage);
	for (const [index, { error }] of outcomes.entries()) {
		if (error !== undefined) {
			throw new Error(`${nameOf(txs[index])} failed: ${error}`);
		}
	}
	return outcomes;
}

/** The name of a call, such as `podBounty.open`. */
export const nameOf = (tx: Call | undefined): string => `${tx?.method.section}.${tx?.method.method}`;

async function settled(
	api: ApiPromise,
	signer: KeyringPair,
	tx: Call,
	options: { readonly nonce: number; readonly tip?: bigint },
	stage: Stage,
): Promise<Outcome> {
	const [result, block] = await new Promise<[ISubmittableResult, Hex]>((resolve, reject) => {
		const done = tx.signAndSend(signer, options, (update) => {
			const { status } = update;
			if (status.isFinalized) {
				resolve([update, status.asFinalized.toHex()]);
			} else if (status.isInBlock && stage === "included") {
				resolve([update, status.asInBlock.toHex()]);
			} else if (status.isDropped || status.isInvalid || status.isUsurped || status.isFinalityTimeout) {
				reject(new Error(`${nameOf(tx)}: the pool says ${status.type}`));
			} else {
				return;
			}
			void done.then((unsubscribe) => unsubscribe());
		});
		done.catch(reject);
	});
	const { number } = await api.rpc.chain.getHeader(block);
	const events = result.events.map(event);
	return {
		block,
		number: number.toNumber(),
		events,
		error: errorName(api, result),
		fee: BigInt(String(find(events, "transactionPayment.TransactionFeePaid").actualFee)),
	};
}

function errorName(api: ApiPromise, { dispatchError }: ISubmittableResult): string | undefined {
	if (dispatchError?.isModule) {
		const { section, name } = api.registry.findMetaError(dispatchError.asModule);
		return `${section}.${name}`;
	}
	if (dispatchError?.isToken) {
		return `token.${dispatchError.asToken.type}`;
	}
	if (dispatchError?.isArithmetic) {
		return `arithmetic.${dispatchError.asArithmetic.type}`;
	}
	return dispatchError?.type;
}

/** An event with the names of its fields. */
export function event({ event: { section, method, data } }: EventRecord): Event {
	const names = data.names ?? data.map((_, index) => String(index));
	return { name: `${section}.${method}`, data: Object.fromEntries(names.map((name, i) => [name, data[i]?.toJSON()])) };
}

/** The fields of the only event of this name. */
export function find(events: readonly Event[], name: string): Event["data"] {
	const [found, ...more] = events.filter((event) => event.name === name);
	if (found === undefined || more.length > 0) {
		const names = events.map((event) => event.name).join(", ");
		throw new Error(`${found ? "more than one" : "no"} event ${name} among: ${names}`);
	}
	return found.data;
}

/** The events of a block, with the extrinsic that each belongs to. */
export async function eventsOf(
	api: ApiPromise,
	block: Hex,
): Promise<(Event & { readonly extrinsic: number | undefined })[]> {
	const at = await api.at(block);
	const records = (await at.query.system?.events?.()) as unknown as EventRecord[];
	return records.map((record) => ({
		...event(record),
		extrinsic: record.phase.isApplyExtrinsic ? record.phase.asApplyExtrinsic.toNumber() : undefined,
	}));
}

/** The number of the newest block. */
export async function now(api: ApiPromise): Promise<number> {
	return (await api.rpc.chain.getHeader()).number.toNumber();
}

/** The newest final block. */
export async function finalisedHead(api: ApiPromise): Promise<Header> {
	return await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
}

/** Goes through final blocks, including new ones, until `seen` returns a value. */
export async function untilFinalised<T>(
	api: ApiPromise,
	what: string,
	timeoutMs: number,
	seen: (header: Header) => Promise<T | undefined> | T | undefined,
): Promise<T> {
	return await new Promise<T>((resolve, reject) => {
		const give = (settle: () => void) => {
			clearTimeout(timer);
			settle();
			void subscription.then((unsubscribe) => unsubscribe());
		};
		const timer = setTimeout(() => give(() => reject(new Error(`${what}: not within ${timeoutMs / 1000} s`))), timeoutMs);
		const subscription = api.rpc.chain.subscribeFinalizedHeads(async (header) => {
			try {
				const value = await seen(header);
				if (value !== undefined) {
					give(() => resolve(value));
				}
			} catch (error) {
				give(() => reject(error as Error));
			}
		});
		subscription.catch((error: Error) => {
			clearTimeout(timer);
			reject(error);
		});
	});
}

/** Waits until there is a block of this number; it need not be final. */
export async function untilBlock(api: ApiPromise, number: number): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const subscription = api.rpc.chain.subscribeNewHeads((header) => {
			if (header.number.toNumber() >= number) {
				resolve();
				void subscription.then((unsubscribe) => unsubscribe());
			}
		});
		subscription.catch(reject);
	});
}

/** An extrinsic decoded from the bytes that the node has. */
export const decode = (api: ApiPromise, bytes: Hex): Extrinsic => api.registry.createType("Extrinsic", bytes);
