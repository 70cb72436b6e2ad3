// Runs the tests and counts them. Most groups run side by side: those that wait for blocks leave
// the processor to the others.
//
// Usage: node scripts/test.mjs [pallets | client | network | ts]      (without argument: all)
// Needs the environment and the builds of `make test`. Keeps the output of each group in
// CARGO_TARGET_DIR/test-logs.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

process.chdir(dirname(import.meta.dirname));
const target = process.env.CARGO_TARGET_DIR;
const logs = join(target, "test-logs");

// The packages of the group `pallets`. The group `client` has all others.
const CHAIN = ["pallet-*", "waybill-runtime", "waybill-primitives"];
const chain = CHAIN.map((name) => `package(${name})`).join("|");

// Only these are tested with the features. The run still selects the whole workspace, so that cargo
// does not compile packages without the features again.
const FEATURED = ["pallet-firmware", "pallet-pod-bounty", "pallet-voters", "waybill-runtime"];
const features = FEATURED.map((name) => `${name}/runtime-benchmarks,${name}/try-runtime`).join();
const featured = FEATURED.map((name) => `package(${name})`).join("|");

const nextest = (profile) => ({
	report: join("target/nextest", profile, "junit.xml"),
	count: junit,
	// From this line on, cargo's lock is free again.
	ready: /^\s*Starting \d+ test/m,
});
const rust = (filter) => ({
	...nextest("default"),
	name: "rust",
	run: `cargo nextest run --release --workspace --all-targets --locked -E '${filter}'`,
});
const doc = {
	name: "doc",
	run: "cargo test --release --workspace --doc --locked",
	count: libtest,
	ready: /^\s*Doc-tests /m,
};
// Every benchmark of the pallets once, and the checks of an upgrade. They come last, because
// compiling them would slow down tests that depend on time.
const benchmarks = {
	...nextest("features"),
	last: true,
	name: "features",
	run: `SKIP_WASM_BUILD=1 cargo nextest run --release --workspace --lib --locked \
		--profile features --features ${features} -E '${featured}'`,
};
const network = {
	...nextest("network"),
	name: "network",
	run: `cargo nextest run --release --locked --manifest-path zombienet/Cargo.toml \
		--config-file .config/nextest-network.toml --profile network`,
};
const installed = "node_modules/.installed-lock.json";
const ts = {
	name: "ts",
	run: `cd ts-tests
		if ! cmp -s package-lock.json ${installed}; then
			npm ci --no-audit --no-fund
			cp package-lock.json ${installed}
		fi
		npm run lint
		npm test -- --reporter=verbose --reporter=junit --outputFile.junit=${join(logs, "ts.xml")}`,
	report: join(logs, "ts.xml"),
	count: junit,
};

const GROUPS = {
	pallets: [rust(chain), doc, benchmarks],
	client: [rust(`not (${chain})`), doc],
	network: [network],
	ts: [ts],
};
const EVERYTHING = [ts, rust("all()"), network, doc, benchmarks];

/** The counts in a report of nextest or vitest. */
function junit({ report }) {
	const xml = readFileSync(report, "utf8");
	const number = (tag, name) => Number(tag.match(` ${name}="(\\d+)"`)?.[1] ?? 0);
	const all = xml.match(/<testsuites [^>]*>/)[0];
	if (!/ tests="\d+"/.test(all)) throw new Error("no count");
	const failed = number(all, "failures") + number(all, "errors");
	const suites = xml.match(/<testsuite [^>]*>/g) ?? [];
	const skipped = suites.reduce((sum, suite) => sum + number(suite, "skipped"), 0);
	return { passed: number(all, "tests") - failed - skipped, failed, skipped };
}

/** The counts in the output of `cargo test`. */
function libtest({ output }) {
	const counts = { passed: 0, failed: 0, skipped: 0 };
	const results = output.matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/gm);
	let programs = 0;
	for (const [, passed, failed, ignored] of results) {
		counts.passed += Number(passed);
		counts.failed += Number(failed);
		counts.skipped += Number(ignored);
		programs += 1;
	}
	if (programs === 0) throw new Error("no results");
	return counts;
}

const total = { passed: 0, failed: 0, skipped: 0 };
const running = new Set();
const seconds = (since) => `${Math.round((Date.now() - since) / 1000)} s`;
const words = ({ passed, failed, skipped }) =>
	`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

/** Runs a group. `isReady` resolves when another group that needs cargo's lock may start. */
function start(group) {
	if (group.report) rmSync(group.report, { force: true });
	group.since = Date.now();
	group.output = "";
	running.add(group);
	const child = spawn("bash", ["-euo", "pipefail", "-c", group.run], {
		// A process group of its own, so that `stop` reaches its children.
		detached: true,
		stdio: ["ignore", "pipe", "pipe"],
	});
	group.pid = child.pid;
	let ready;
	const isReady = new Promise((resolve) => {
		ready = resolve;
	});
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding("utf8").on("data", (text) => {
			group.output += text;
			if (group.ready?.test(group.output)) ready();
		});
	}
	const ended = new Promise((resolve) => child.on("close", resolve)).then((code) => {
		running.delete(group);
		ready();
		finish(group, code);
	});
	return { isReady, ended };
}

/** Counts the tests of a group. If it failed, shows everything that it printed. */
function finish(group, code) {
	writeFileSync(join(logs, `${group.name}.log`), group.output);
	if (stopping) return;
	let counts = { passed: 0, failed: 0, skipped: 0 };
	let problem = code === 0 ? "" : ` (exit code ${code})`;
	try {
		counts = group.count(group);
	} catch (error) {
		problem += ` (no count of its tests: ${error.message})`;
	}
	// Something other than a test failed.
	if (problem && counts.failed === 0) counts.failed = 1;
	for (const kind in total) total[kind] += counts[kind];
	if (counts.failed > 0) process.stdout.write(`\n${group.output}\n`);
	console.log(`${group.name}: ${words(counts)}${problem} in ${seconds(group.since)}`);
}

const only = process.argv[2];
const groups = only ? GROUPS[only] : EVERYTHING;
if (!groups) {
	console.error(`test: ${only} is not a group; choose one of ${Object.keys(GROUPS).join(", ")}`);
	process.exit(2);
}
mkdirSync(logs, { recursive: true });

let stopping = false;
async function stop(code) {
	stopping = true;
	clearInterval(progress);
	const signal = (name) => {
		for (const { pid } of running) {
			try {
				process.kill(-pid, name);
			} catch {
				// The group has just ended.
			}
		}
	};
	signal("SIGTERM");
	setTimeout(() => signal("SIGKILL"), 10_000).unref();
	await Promise.all(ends);
	process.exit(code);
}
for (const [name, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
	process.once(name, () => stop(code));
}

const began = Date.now();
const progress = setInterval(() => {
	const each = [...running].map((group) => {
		const [done] = [...group.output.matchAll(/ \( *\d+\/\d+\)/g)].at(-1) ?? [""];
		return `${group.name} ${seconds(group.since)}${done}`;
	});
	console.log(`${seconds(began)}: running ${each.join(", ")}`);
}, 15_000);

const ends = [];
for (const group of groups) {
	if (group.last) await Promise.all(ends);
	if (stopping) break;
	const { isReady, ended } = start(group);
	ends.push(ended);
	// Cargo works on one thing at a time.
	if (group.ready) await isReady;
}
await Promise.all(ends);
if (!stopping) {
	clearInterval(progress);
	// The tests have compiled something after the last record.
	spawnSync("scripts/claim-target.sh", { stdio: "inherit" });
	console.log(words(total));
	process.exitCode = total.failed > 0 ? 1 : 0;
}
