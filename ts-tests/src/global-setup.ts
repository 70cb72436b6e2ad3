/** Starts what all tests share: a gateway and a network whose nodes use it. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { Gateway } from "./gateway.ts";
import { Network, nodeBinary } from "./network.ts";

/** Where the tests find what was started. */
export interface Started {
	/** The WebSocket addresses of the nodes. */
	readonly nodes: readonly string[];
	/** The folder whose blocks the gateway serves. */
	readonly blocks: string;
}

declare module "vitest" {
	export interface ProvidedContext {
		started: Started;
	}
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
	const binary = nodeBinary();
	const folder = await mkdtemp(join(tmpdir(), "waybill-ts-tests-"));
	const blocks = join(folder, "blocks");
	await mkdir(blocks);
	const gateway = await Gateway.start(blocks);
	const network = await Network.start(binary, folder, gateway.url).catch(async (error: unknown) => {
		await gateway.stop();
		throw error;
	});
	project.provide("started", { nodes: network.nodes.map(({ ws }) => ws), blocks });

	return async () => {
		const failed = project.vitest.state.getCountOfFailedTests() > 0;
		const tails = failed ? await network.tails() : "";
		await network.stop();
		await gateway.stop();
		if (failed) {
			console.error(`${tails}\nLogs and data are kept in ${folder}.`);
		} else {
			await rm(folder, { recursive: true });
		}
	};
}
