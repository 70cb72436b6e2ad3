/**
 * A trustless gateway, as the IPFS specification has it: serves a folder's raw blocks over HTTP.
 */

import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { importBytes } from "ipfs-unixfs-importer";
import { fixedSize } from "ipfs-unixfs-importer/chunker";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { sha256 } from "./bytes.ts";

/** Small leaves, so that small files make DAGs of several levels. */
const LEAF_BYTES = 64 * 1024;

/** The codec of leaves and the hash of all blocks. */
const RAW = 0x55;
const SHA2_256 = 0x12;

/**
 * Adds a file to the folder as UnixFS blocks (CIDv1, raw leaves, as kubo makes them). Returns its
 * root.
 */
export async function addFile(folder: string, bytes: Uint8Array): Promise<CID> {
	const put = async (cid: CID, block: Uint8Array): Promise<CID> => {
		await writeFile(join(folder, cid.toString()), block);
		return cid;
	};
	const store = { put: put as Parameters<typeof importBytes>[1]["put"] };
	const { cid } = await importBytes(bytes, store, { rawLeaves: true, chunker: fixedSize({ chunkSize: LEAF_BYTES }) });
	return cid;
}

/** Removes the last leaf of a file. */
export async function removeLeaf(folder: string, bytes: Uint8Array): Promise<void> {
	const last = bytes.subarray(Math.floor((bytes.length - 1) / LEAF_BYTES) * LEAF_BYTES);
	await rm(join(folder, CID.createV1(RAW, create(SHA2_256, sha256(last))).toString()));
}

/** Serves the blocks of a folder. */
export class Gateway {
	readonly url: string;
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	}

	/** Starts to serve, on a port that the operating system chooses. */
	static async start(folder: string): Promise<Gateway> {
		const server = createServer((request, response) => {
			answer(folder, request, response).catch((error: Error) => {
				response.writeHead(500).end(error.message);
			});
		});
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(0, "127.0.0.1", resolve);
		});
		return new Gateway(server);
	}

	/** Stops the server and closes its connections. */
	async stop(): Promise<void> {
		const closed = new Promise((resolve) => this.#server.close(resolve));
		this.#server.closeAllConnections();
		await closed;
	}
}

/** Answers `GET /ipfs/{cid}?format=raw`. */
async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const url = new URL(request.url ?? "/", "http://gateway");
	const raw = url.searchParams.get("format") === "raw" || request.headers.accept === "application/vnd.ipld.raw";
	const [, text] = /^\/ipfs\/([a-z0-9]+)$/.exec(url.pathname) ?? [];
	if (request.method !== "GET" || !raw || text === undefined) {
		response.writeHead(400).end("this gateway serves GET /ipfs/{cid}?format=raw\n");
		return;
	}
	let block: Uint8Array;
	try {
		block = await readFile(join(folder, CID.parse(text).toString()));
	} catch {
		response.writeHead(404).end(`no block ${text}\n`);
		return;
	}
	response.writeHead(200, { "content-type": "application/vnd.ipld.raw", "content-length": block.length }).end(block);
}
