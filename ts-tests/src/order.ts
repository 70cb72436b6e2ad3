import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What needs no network comes first, what looks at every block so far comes last. */
const ORDER = ["vectors", "release", "rotation", "bounty", "blocks"];

/** Runs the test files in the order in which they make sense. */
export class Order extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const place = (file: TestSpecification) => {
			const index = ORDER.indexOf(basename(file.moduleId, ".test.ts"));
			return index < 0 ? ORDER.length : index;
		};
		return [...files].sort((a, b) => place(a) - place(b));
	}
}
