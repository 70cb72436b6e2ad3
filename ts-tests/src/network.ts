/** A real network of two authorities on the loopback interface. */

import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Program } from "./process.ts";
import { request } from "./rpc.ts";

/**
 * How long a node may take to answer, and a network to finalise its first block, on a busy machine.
 */
const START_MS = 180_000;

/** The node's program: `WAYBILL_NODE`, or where the build puts it. */
export function nodeBinary(): string {
	const built = (target: string) => join(target, "release", "waybill-node");
	const { WAYBILL_NODE, CARGO_TARGET_DIR, WAYBILL_CACHE } = process.env;
	const places = WAYBILL_NODE
		? [WAYBILL_NODE]
		: [
				...(CARGO_TARGET_DIR ? [built(CARGO_TARGET_DIR)] : []),
				built(join(WAYBILL_CACHE ?? join(homedir(), ".cache", "waybill"), "target")),
			];
	for (const place of places) {
		try {
			accessSync(place, constants.X_OK);
			return place;
		} catch {
			// Try the next place.
		}
	}
	throw new Error(`no node program at ${places.join(" or ")}; run \`make build\`, or set WAYBILL_NODE to its path`);
}

/** A running node and where it listens. */
export interface Node {
	readonly program: Program;
	readonly ws: string;
}

/** What a network needs to start. */
export interface Setup {
	/** The file with the chain's specification. */
	readonly specification: string;
	/** Where the nodes keep their files. */
	readonly folder: string;
	/** The URL of their IPFS gateway. */
	readonly gateway: string;
}

/** The two authorities of the chain `local`. */
export class Network {
	readonly nodes: readonly Node[];

	private constructor(nodes: readonly Node[]) {
		this.nodes = nodes;
	}

	/** Starts Alice and Bob and waits until they finalise blocks. */
	static async start(setup: Setup): Promise<Network> {
		const nodes: Node[] = [];
		const network = new Network(nodes);
		try {
			const alice = await startNode(setup, "alice", []);
			nodes.push(alice);
			nodes.push(await startNode(setup, "bob", ["--bootnodes", await address(alice)]));
			await network.finalising();
			return network;
		} catch (error) {
			const tails = await network.tails();
			await network.stop();
			throw new Error(`the network did not start: ${(error as Error).message}\n${tails}`, { cause: error });
		}
	}

	/** The last lines of every node's log. */
	async tails(): Promise<string> {
		return (await Promise.all(this.nodes.map(({ program }) => program.tail()))).join("\n");
	}

	/** Stops every node. */
	async stop(): Promise<void> {
		await Promise.all(this.nodes.map(({ program }) => program.stop()));
	}

	private async finalising(): Promise<void> {
		for (const { program } of this.nodes) {
			await program.logged(/finalized #[1-9]/, START_MS);
		}
	}
}

/** Starts one authority; the operating system chooses its ports. */
async function startNode({ specification, folder, gateway }: Setup, name: string, more: string[]): Promise<Node> {
	const base = join(folder, name);
	await mkdir(base, { recursive: true, mode: 0o700 });
	const key = join(base, "node-key");
	await writeFile(key, randomBytes(32).toString("hex"), { mode: 0o600 });
	const args = [
		["--chain", specification, `--${name}`, "--base-path", join(base, "data"), "--node-key-file", key],
		// Other networks of the same chain may run on the machine, so find only the nodes named
		// here.
		["--listen-addr", "/ip4/127.0.0.1/tcp/0", "--no-mdns", "--no-prometheus", "--no-telemetry"],
		["--rpc-port", "0", "--ipfs-gateway", gateway],
		// Keep every block since genesis readable.
		["--state-pruning", "archive", "--blocks-pruning", "archive"],
		more,
	].flat();
	const program = new Program(name, nodeBinary(), args, join(folder, `${name}.log`));
	try {
		const [, port] = await program.logged(/JSON-RPC server: addr=127\.0\.0\.1:(\d+)/, START_MS);
		return { program, ws: `ws://127.0.0.1:${port}` };
	} catch (error) {
		await program.stop();
		throw error;
	}
}

/** The node's own address for other nodes. */
async function address(node: Node): Promise<string> {
	const addresses = await request<string[]>(node.ws, "system_localListenAddresses");
	const loopback = addresses.find((text) => text.startsWith("/ip4/127.0.0.1/tcp/") && text.includes("/p2p/"));
	if (loopback === undefined) {
		throw new Error(`${node.program.name} has no loopback address among ${addresses.join(", ") || "none"}`);
	}
	return loopback;
}
