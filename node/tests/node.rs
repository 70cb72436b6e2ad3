//! Tests of the program itself, as a process.

use codec::Decode;
use serde_json::{json, Value};
use std::{
	io::{BufRead, BufReader, Read, Write},
	net::TcpStream,
	process::{Child, Command, Output, Stdio},
	thread,
	time::{Duration, Instant},
};

const GATEWAY: &str = "http://127.0.0.1:18080";
const PATIENCE: Duration = Duration::from_secs(90);

fn program() -> Command {
	Command::new(env!("CARGO_BIN_EXE_waybill-node"))
}

fn output(arguments: &[&str]) -> Output {
	program().args(arguments).output().unwrap()
}

/// A running node. It is killed when the test ends.
struct Node {
	process: Child,
	rpc: String,
}

impl Node {
	fn start(arguments: &[&str]) -> Self {
		let mut process = program()
			.args(["--port", "0", "--rpc-port", "0", "--no-prometheus", "--no-telemetry"])
			.args(arguments)
			.stderr(Stdio::piped())
			.spawn()
			.unwrap();
		let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
		let mut log = String::new();
		let rpc = loop {
			let Some(Ok(line)) = lines.next() else { panic!("the node stopped:\n{log}") };
			if let Some((_, address)) = line.split_once("JSON-RPC server: addr=") {
				break address.split(',').next().unwrap().trim().to_string();
			}
			log.push_str(&line);
			log.push('\n');
		};
		// If nobody read the pipe, it would fill up and stop the node.
		thread::spawn(move || lines.for_each(drop));
		Self { process, rpc }
	}

	fn call(&self, method: &str, params: Value) -> Value {
		let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
		let mut stream = TcpStream::connect(&self.rpc).unwrap();
		stream.set_read_timeout(Some(PATIENCE)).unwrap();
		write!(
			stream,
			"POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
			self.rpc,
			body.len()
		)
		.unwrap();
		let mut answer = String::new();
		stream.read_to_string(&mut answer).unwrap();
		let (_, answer) = answer.split_once("\r\n\r\n").unwrap();
		let mut answer: Value = serde_json::from_str(answer).unwrap();
		assert_eq!(answer["error"], Value::Null, "{method}");
		answer["result"].take()
	}

	fn finalized_number(&self) -> u64 {
		let header = self.call("chain_getHeader", json!([self.call("chain_getFinalizedHead", json!([]))]));
		u64::from_str_radix(header["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}

fn hex(bytes: &[u8]) -> String {
	format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn bytes(hex: &Value) -> Vec<u8> {
	let digits = hex.as_str().unwrap().trim_start_matches("0x").as_bytes();
	digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn development_node_should_finalise_and_know_its_gateway() {
	let node = Node::start(&["--dev", "--tmp", "--ipfs-gateway", &format!("{GATEWAY}/")]);

	let stored = node.call("offchain_localStorageGet", json!(["PERSISTENT", hex(b"waybill/ipfs-gateway")]));
	assert_eq!(Vec::<u8>::decode(&mut &bytes(&stored)[..]).unwrap(), GATEWAY.as_bytes());

	let owner = node.call("author_rotateKeysWithOwner", json!([hex(&[7; 32])]));
	assert_eq!(bytes(&owner["keys"]).len(), 3 * 32);
	assert_eq!(bytes(&owner["proof"]).len(), 3 * 64);

	let start = Instant::now();
	while node.finalized_number() == 0 {
		assert!(start.elapsed() < PATIENCE, "nothing is final");
		thread::sleep(Duration::from_secs(1));
	}
}

#[test]
fn chain_specifications_should_be_readable_by_light_clients() {
	for (chain, id, kind) in [("dev", "waybill_dev", "Development"), ("local", "waybill_local", "Local")] {
		let output = output(&["export-chain-spec", "--raw", "--chain", chain]);
		assert!(output.status.success());
		let specification: Value = serde_json::from_slice(&output.stdout).unwrap();
		assert_eq!(specification["id"], id);
		assert_eq!(specification["chainType"], kind);
		assert_eq!(specification["properties"], json!({ "ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "UNIT" }));
		let known = [
			"bootNodes",
			"chainType",
			"codeSubstitutes",
			"genesis",
			"id",
			"name",
			"properties",
			"protocolId",
			"telemetryEndpoints",
		];
		for field in specification.as_object().unwrap().keys() {
			assert!(known.contains(&field.as_str()), "{field}");
		}
		assert!(specification["genesis"]["raw"]["top"]["0x3a636f6465"].is_string(), "no runtime");
	}
}

#[test]
fn program_should_say_what_is_wrong_when_it_cannot_start() {
	for (arguments, expected) in [
		(&["--chain", "no/such/file.json"][..], "no/such/file.json"),
		(&["--dev", "--ipfs-gateway", "ftp://example.org"], "only http:// and https:// are supported"),
		(&["--dev", "--ipfs-gateway", "example"], "write the gateway as http://127.0.0.1:8080"),
	] {
		let output = output(arguments);
		let said = String::from_utf8_lossy(&output.stderr);
		assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
	}
}
