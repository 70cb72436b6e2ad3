/** Release keys: a vendor's keys, a threshold of which must sign. */

import type { Hex } from "./bytes.ts";
import { ed25519, freshKeys, type SigningKey } from "./keys.ts";
import type { KeySet, Kind } from "./statements.ts";

/** Signatures by keys of a key set, each with its key's place in the set. */
export type Signatures = readonly { readonly key: number; readonly signature: { readonly Ed25519: Hex } }[];

/** A key set as an argument of a call. */
export const keySetArgument = ({ threshold, keys }: KeySet) => ({ threshold, keys: keys.map(ed25519) });

/** The fresh keys of a key set. */
export class ReleaseKeys {
	readonly keys: readonly SigningKey[];
	readonly threshold: number;

	constructor(count: number, threshold: number) {
		this.keys = freshKeys(count);
		this.threshold = threshold;
	}

	/** The key set. */
	get set(): KeySet {
		return { threshold: this.threshold, keys: this.keys.map(({ publicKey }) => publicKey) };
	}

	/** Signatures over a statement by the keys at these places, by default by just enough keys. */
	sign<S>(kind: Kind<S>, statement: S, genesis: Uint8Array, places?: readonly number[]): Signatures {
		return (places ?? [...Array(this.threshold).keys()]).map((key) => {
			const signer = this.keys[key];
			if (!signer) {
				throw new RangeError(`no key at place ${key}`);
			}
			return { key, signature: ed25519(signer.sign(kind, statement, genesis)) };
		});
	}
}
