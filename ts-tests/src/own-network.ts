/** A network for each test file, so that files need not wait for each other. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiPromise } from "@polkadot/api";
import { afterAll, beforeAll, inject, type RunnerTask, type RunnerTestSuite } from "vitest";
import { connect } from "./chain.ts";
import { Gateway } from "./gateway.ts";
import { Network } from "./network.ts";

/** What the tests of a file use. */
export interface Running {
	/** A connection to the first node. */
	readonly api: ApiPromise;
	/** The WebSocket addresses of the nodes. */
	readonly nodes: readonly [string, string];
	/** The folder whose blocks the nodes' gateway serves. */
	readonly blocks: string;
}

/** A network that runs as long as the tests of a file. */
export class OwnNetwork {
	#folder: string | undefined;
	#gateway: Gateway | undefined;
	#network: Network | undefined;
	#running: Running | undefined;

	/** Registers the hooks that start and stop it. */
	constructor() {
		beforeAll(() => this.#start());
		// biome-ignore lint/correctness/noEmptyPattern: vitest wants this form for no fixtures.
		afterAll(({}, file) => this.#stop(hasFailed(file)));
	}

	/** The running network. */
	get running(): Running {
		if (!this.#running) {
			throw new Error("the network does not run yet; use it in a hook or a test");
		}
		return this.#running;
	}

	async #start(): Promise<void> {
		this.#folder = await mkdtemp(join(tmpdir(), "waybill-ts-tests-"));
		const blocks = join(this.#folder, "blocks");
		await mkdir(blocks);
		this.#gateway = await Gateway.start(blocks);
		const setup = { specification: inject("specification"), folder: this.#folder, gateway: this.#gateway.url };
		this.#network = await Network.start(setup);
		const [first, second] = this.#network.nodes.map(({ ws }) => ws) as [string, string];
		this.#running = { api: await connect(first), nodes: [first, second], blocks };
	}

	async #stop(failed: boolean): Promise<void> {
		const tails = failed ? await this.#network?.tails() : undefined;
		await this.#running?.api.disconnect();
		await this.#network?.stop();
		await this.#gateway?.stop();
		if (failed) {
			console.error(`${tails ?? ""}\nLogs and data are kept in ${this.#folder}.`);
		} else if (this.#folder !== undefined) {
			await rm(this.#folder, { recursive: true });
		}
	}
}

/** Whether a hook or a test in it has failed. */
const hasFailed = (task: RunnerTask | RunnerTestSuite): boolean =>
	task.result?.state === "fail" || ("tasks" in task && task.tasks.some(hasFailed));
