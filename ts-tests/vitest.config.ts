import { defineConfig } from "vitest/config";
import { Order } from "./src/order.ts";

export default defineConfig({
	test: {
		include: ["test/**/*.test.ts"],
		globalSetup: "src/global-setup.ts",
		// All tests share one network and its accounts, and the steps of a life depend on each other.
		fileParallelism: false,
		bail: 1,
		sequence: { sequencer: Order, concurrent: false, shuffle: false },
		reporters: ["verbose"],
		// Finality takes some blocks of three seconds each, more on a busy machine: only what hangs takes so long.
		testTimeout: 600_000,
		hookTimeout: 600_000,
		teardownTimeout: 30_000,
	},
});
