/** The Merkle tree over a fleet's devices. */

import { u8aEq } from "@polkadot/util";
import { blake2 } from "./bytes.ts";
import { concat, text, u32 } from "./scale.ts";
import { encodeKey, type Key } from "./statements.ts";

/** The most nodes of a cap. */
export const MAX_CAP_NODES = 4096;

/** The lowest level that serves as a usual cap. */
const USUAL_CAP_HEIGHT = 8;

/** A device by its place in the fleet, with its key. */
export type Member = readonly [index: number, key: Key];

/** The bytes whose hash is the leaf of the device `key` at `index`. */
export function leaf(index: number, key: Key): Uint8Array {
	return concat(text("waybill/leaf/1"), u32(index), encodeKey(key));
}

/** The height of the root above `count` leaves. */
export const depth = (count: number): number => Math.ceil(Math.log2(Math.max(count, 1)));

/** The number of nodes at `height` above `count` leaves. */
export const levelWidth = (count: number, height: number): number => Math.ceil(count / 2 ** height);

/**
 * The height of a fleet's usual cap: a node for 256 devices, or for more if that makes too many
 * nodes.
 */
export function usualCapHeight(count: number): number {
	let height = Math.min(USUAL_CAP_HEIGHT, depth(count));
	while (levelWidth(count, height) > MAX_CAP_NODES) {
		height++;
	}
	return height;
}

/** The node above two nodes, or above one without a sibling. */
const parent = (left: Uint8Array, right?: Uint8Array): Uint8Array => (right ? blake2(concat(left, right)) : left);

/** All levels of a fleet's tree. */
export class FleetTree {
	readonly #levels: Uint8Array[][];

	/** Builds the tree over `keys`, in the order of their indices. */
	constructor(keys: readonly Key[]) {
		let level = keys.map((key, index) => blake2(leaf(index, key)));
		this.#levels = [level];
		while (level.length > 1) {
			const above: Uint8Array[] = [];
			for (let i = 0; i < level.length; i += 2) {
				const [left, right] = level.slice(i, i + 2) as [Uint8Array, Uint8Array?];
				above.push(parent(left, right));
			}
			this.#levels.push(above);
			level = above;
		}
	}

	/** The root; all zero for a fleet without devices. */
	get root(): Uint8Array {
		return this.#levels.at(-1)?.[0] ?? new Uint8Array(32);
	}

	/** The nodes at `height` above the leaves, from left to right. */
	cap(height: number): readonly Uint8Array[] {
		const level = this.#levels[height];
		if (!level) {
			throw new RangeError(`no level ${height} in the tree`);
		}
		return level;
	}

	/** The hashes that prove the devices at the rising `indices`, up to the cap at `height`. */
	multiproof(height: number, indices: readonly number[]): Uint8Array[] {
		const proof: Uint8Array[] = [];
		for (const group of groupByNode(indices, height, (index) => index)) {
			let places = new Set(group);
			for (const level of this.#levels.slice(0, height)) {
				for (const place of places) {
					if (level[place] === undefined) {
						throw new RangeError(`no device ${place} in the fleet`);
					}
					const sibling = level[place ^ 1];
					if (sibling && !places.has(place ^ 1)) {
						proof.push(sibling);
					}
				}
				places = new Set([...places].map((place) => place >>> 1));
			}
		}
		return proof;
	}

	/** The hashes that prove the device at `index` up to the root, from the leaves upwards. */
	proof(index: number): Uint8Array[] {
		return this.multiproof(this.#levels.length - 1, [index]);
	}
}

/** The items under each node at `height`, from left to right. */
function groupByNode<T>(items: readonly T[], height: number, index: (item: T) => number): Iterable<T[]> {
	const groups = new Map<number, T[]>();
	for (const item of items) {
		const node = Math.floor(index(item) / 2 ** height);
		const group = groups.get(node) ?? [];
		groups.set(node, group);
		group.push(item);
	}
	return groups.values();
}

/**
 * Whether each of `members` is the device at its index, in the fleet of `count` devices whose tree
 * has the level `cap` at `height`. Undefined if `proof` cannot be theirs.
 */
export function verifyMembers(
	count: number,
	height: number,
	cap: readonly Uint8Array[],
	members: readonly Member[],
	proof: readonly Uint8Array[],
): boolean[] | undefined {
	const rise = members.every(([index], place) => index < count && index > (members[place - 1]?.[0] ?? -1));
	if (!rise) {
		return undefined;
	}
	const hashes = proof.values();
	const verdicts: boolean[] = [];
	for (const group of groupByNode(members, height, ([index]) => index)) {
		let nodes: Level | undefined = new Map(group.map(([index, key]) => [index, blake2(leaf(index, key))]));
		for (let below = 0; below < height && nodes; below++) {
			nodes = climb(nodes, levelWidth(count, below), hashes);
		}
		const [top] = nodes ?? [];
		if (!top) {
			return undefined;
		}
		const [place, node] = top;
		const member = u8aEq(cap[place] ?? new Uint8Array(), node);
		verdicts.push(...group.map(() => member));
	}
	return hashes.next().done ? verdicts : undefined;
}

/** Some nodes of a level, in rising order of their places. */
type Level = ReadonlyMap<number, Uint8Array>;

/** The nodes above some nodes of a level of width `width`. Takes missing siblings from `hashes`. */
function climb(nodes: Level, width: number, hashes: Iterator<Uint8Array, undefined>): Level | undefined {
	const above = new Map<number, Uint8Array>();
	for (const [place, node] of nodes) {
		const sibling = place ^ 1;
		if (above.has(place >>> 1)) {
			continue;
		}
		const other = sibling < width ? (nodes.get(sibling) ?? hashes.next().value) : undefined;
		if (sibling < width && !other) {
			return undefined;
		}
		above.set(place >>> 1, place % 2 === 0 || !other ? parent(node, other) : parent(other, node));
	}
	return above;
}

/** Whether `key` is the device at `index` of the fleet with this root and number of devices. */
export function verifyProof(
	root: Uint8Array,
	count: number,
	index: number,
	key: Key,
	proof: readonly Uint8Array[],
): boolean {
	return verifyMembers(count, depth(count), [root], [[index, key]], proof)?.[0] === true;
}
