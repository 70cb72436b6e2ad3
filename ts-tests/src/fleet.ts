/** The Merkle tree over a fleet's devices. */

import { u8aEq } from "@polkadot/util";
import { blake2 } from "./bytes.ts";
import { concat, text, u32 } from "./scale.ts";
import { encodeKey, type Key } from "./statements.ts";

/** The bytes whose hash is the leaf of the device `key` at `index`. */
export function leaf(index: number, key: Key): Uint8Array {
	return concat(text("waybill/leaf/1"), u32(index), encodeKey(key));
}

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
				// A node without a sibling moves up unchanged.
				above.push(right ? blake2(concat(left, right)) : left);
			}
			this.#levels.push(above);
			level = above;
		}
	}

	/** The root; all zero for a fleet without devices. */
	get root(): Uint8Array {
		return this.#levels.at(-1)?.[0] ?? new Uint8Array(32);
	}

	/** The hashes that prove the device at `index`, from the leaves upwards. */
	proof(index: number): Uint8Array[] {
		if (this.#levels[0]?.[index] === undefined) {
			throw new RangeError(`no device ${index} in the fleet`);
		}
		const proof: Uint8Array[] = [];
		for (const [height, level] of this.#levels.entries()) {
			const sibling = level[(index >> height) ^ 1];
			if (level.length > 1 && sibling) {
				proof.push(sibling);
			}
		}
		return proof;
	}
}

/** Whether `key` is the device at `index` of the fleet with this root and number of devices. */
export function verifyProof(
	root: Uint8Array,
	count: number,
	index: number,
	key: Key,
	proof: readonly Uint8Array[],
): boolean {
	if (index >= count) {
		return false;
	}
	let node = blake2(leaf(index, key));
	let [place, width, used] = [index, count, 0];
	while (width > 1) {
		// The last node of an odd level has no sibling.
		if ((place ^ 1) < width) {
			const sibling = proof[used++];
			if (!sibling) {
				return false;
			}
			node = blake2(place % 2 === 0 ? concat(node, sibling) : concat(sibling, node));
		}
		place >>= 1;
		width = Math.ceil(width / 2);
	}
	return used === proof.length && u8aEq(node, root);
}
