/** Child processes with their output in a file. A handle starts and stops each. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a process may take to end after SIGTERM. */
const GRACE_MS = 10_000;

/** The events by which a test worker ends early: a signal, or the loss of its parent process. */
const ENDS = ["SIGTERM", "disconnect"] as const;

/** A running program whose output goes to a file. */
export class Program {
	readonly name: string;
	readonly log: string;
	readonly #child: ChildProcess;
	#failure: Error | undefined;

	constructor(name: string, binary: string, args: readonly string[], log: string) {
		this.name = name;
		this.log = log;
		const output = openSync(log, "a", 0o600);
		this.#child = spawn(binary, args, { stdio: ["ignore", output, output] });
		closeSync(output);
		this.#child.on("error", (error) => {
			this.#failure = error;
		});
		process.once("exit", this.#kill);
		for (const end of ENDS) {
			process.once(end, this.#killAndEnd);
		}
	}

	readonly #kill = () => {
		this.#child.kill("SIGKILL");
	};

	/**
	 * A handler for SIGTERM keeps this process alive, so this sends the signal again without the
	 * handler.
	 */
	readonly #killAndEnd = () => {
		this.#kill();
		process.kill(process.pid, "SIGTERM");
	};

	/** Why the program no longer runs; undefined while it runs. */
	get ended(): string | undefined {
		if (this.#failure) {
			return this.#failure.message;
		}
		const { exitCode, signalCode } = this.#child;
		return exitCode === null && signalCode === null ? undefined : `it ended with ${signalCode ?? `code ${exitCode}`}`;
	}

	/** Waits until the output matches `pattern`. */
	async logged(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
		const deadline = Date.now() + timeoutMs;
		for (;;) {
			const found = pattern.exec(await readFile(this.log, "utf8"));
			if (found) {
				return found;
			}
			if (this.ended !== undefined || Date.now() > deadline) {
				const reason = this.ended ?? `it said nothing like ${pattern} within ${timeoutMs / 1000} s`;
				throw new Error(`${this.name} did not start: ${reason}\n${await this.tail()}`);
			}
			await sleep(100);
		}
	}

	/** The last lines of the output. */
	async tail(lines = 40): Promise<string> {
		const output = await readFile(this.log, "utf8");
		return `--- ${this.name}: last lines of ${this.log}\n${output.trimEnd().split("\n").slice(-lines).join("\n")}`;
	}

	/** Ends the program and waits until it is gone. */
	async stop(): Promise<void> {
		process.removeListener("exit", this.#kill);
		for (const end of ENDS) {
			process.removeListener(end, this.#killAndEnd);
		}
		const deadline = Date.now() + GRACE_MS;
		this.#child.kill("SIGTERM");
		while (this.ended === undefined) {
			if (Date.now() > deadline) {
				this.#child.kill("SIGKILL");
			}
			await sleep(50);
		}
	}
}
