// Prints the warnings and errors of a build, and fails if there are any.
//
// Usage: cargo build ... --message-format=json | node scripts/lints.mjs
import { createInterface } from "node:readline";

// A crate and its tests are compiled separately, with the same warnings.
const told = new Set();
for await (const line of createInterface({ input: process.stdin })) {
	if (!line.startsWith("{")) continue;
	const { reason, message } = JSON.parse(line);
	if (reason !== "compiler-message" || told.has(message.rendered)) continue;
	told.add(message.rendered);
	process.stderr.write(message.rendered);
}
if (told.size > 0) {
	console.error(`lint: ${told.size} warnings or errors; fix them`);
	process.exit(1);
}
