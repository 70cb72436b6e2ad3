import { defineConfig } from "vitest/config";
import { Order } from "./src/order.ts";

export default defineConfig({
	test: {
		include: ["test/**/*.test.ts"],
		globalSetup: "src/global-setup.ts",
		// Each file has a network of two nodes: more of them at once would only be slower.
		maxWorkers: 3,
		bail: 1,
		// The steps of a life depend on each other.
		sequence: { sequencer: Order, concurrent: false, shuffle: false },
		reporters: ["verbose"],
		// Most steps wait for a few blocks, for more on a busy machine: only what hangs takes so long.
		testTimeout: 600_000,
		hookTimeout: 600_000,
		teardownTimeout: 30_000,
	},
});
