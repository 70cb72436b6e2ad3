import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The longest first: short files fill the gaps. */
const ORDER = ["expiry", "bounty", "release", "rotation", "vectors"];

/** Orders the test files for the shortest run. */
export class Order extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const place = (file: TestSpecification) => {
			const index = ORDER.indexOf(basename(file.moduleId, ".test.ts"));
			return index < 0 ? ORDER.length : index;
		};
		return [...files].sort((a, b) => place(a) - place(b));
	}
}
