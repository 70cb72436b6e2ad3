import { defineConfig } from "vitest/config";
import { Order } from "./src/order.ts";

export default defineConfig({
	test: {
		include: ["test/**/*.test.ts"],
		globalSetup: "src/global-setup.ts",
		// Each file runs two nodes. More files at once would starve them on two cores.
		maxWorkers: 3,
		bail: 1,
		// The steps of a life depend on each other.
		sequence: { sequencer: Order, concurrent: false, shuffle: false },
		reporters: ["verbose"],
		// A step waits for a few blocks. Only a hang takes this long.
		testTimeout: 600_000,
		hookTimeout: 600_000,
		teardownTimeout: 30_000,
	},
});
