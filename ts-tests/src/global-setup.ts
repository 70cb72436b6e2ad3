/** Builds the genesis state once for all networks: it is most of what a node's start costs. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { nodeBinary } from "./network.ts";

declare module "vitest" {
	export interface ProvidedContext {
		/** The raw specification of the chain `local`: a file with its genesis state. */
		specification: string;
	}
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
	const folder = await mkdtemp(join(tmpdir(), "waybill-ts-tests-chain-"));
	const file = join(folder, "local.json");
	await promisify(execFile)(nodeBinary(), ["export-chain-spec", "--chain", "local", "--raw", "--output", file]);
	project.provide("specification", file);
	return async () => await rm(folder, { recursive: true });
}
