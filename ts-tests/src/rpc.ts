/** Single JSON-RPC requests over HTTP, for answers that need no decoding. */

/** Sends one request to the node that listens at `ws`. */
export async function request<T>(ws: string, method: string, ...params: unknown[]): Promise<T> {
	const response = await fetch(ws.replace(/^ws:/, "http:"), {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
		signal: AbortSignal.timeout(10_000),
	});
	const answer = (await response.json()) as { result?: T; error?: { code: number; message: string } };
	if (answer.error || answer.result === undefined) {
		throw new Error(`${method}: ${answer.error ? `${answer.error.code} ${answer.error.message}` : "no result"}`);
	}
	return answer.result;
}
