//! Joining the block authors, and a node that goes away.

use std::{
	thread::sleep,
	time::{Duration, Instant},
};
use waybill_chain::{Account, Ledger, Node as ChainNode, Payee, State, Waits};
use waybill_testkit::program::{amount, Node, Waybill};

const NO_GATEWAY: &str = "http://127.0.0.1:1";

#[test]
fn collator_should_join_author_and_leave() {
	let node = Node::start(NO_GATEWAY);
	let waybill = Waybill::with(&node);
	let address = waybill.account("collator.key", "1000");
	let as_collator = |command: &str| format!("{command} --account-file collator.key");

	let status = waybill.json(&as_collator("collator status"));
	assert_eq!((&status["standing"], &status["authoring"]), (&"none".into(), &false.into()));
	waybill.run(&as_collator("collator status")).exits(0).prints("never authored");
	let (code, error) = waybill.failure(&as_collator("collator join --bond 0.1"));
	assert_eq!(code, 2, "{error}");
	let joined = waybill.json(&as_collator("collator join --bond 150"));
	assert_eq!((joined["collator"].as_str(), amount(&joined["bond"])), (Some(address.as_str()), 150_000_000_000_000));
	assert_eq!(joined["transactions"].as_array().unwrap().len(), 3);
	// Already a candidate: join raises its bond, or has nothing left to do.
	for (command, bond, sent) in [("join --bond 160", 160, 1), ("join", 160, 0)] {
		let joined = waybill.json(&as_collator(&format!("collator {command}")));
		assert_eq!(amount(&joined["bond"]), bond * 1_000_000_000_000);
		assert_eq!(joined["transactions"].as_array().unwrap().len(), sent);
	}
	// A candidate does not author before a session has begun, whatever the chain notes for it.
	let status = waybill.json(&as_collator("collator status"));
	assert!(status["authoring"] == true || status["last_authored"].is_null(), "{status}");

	let started = Instant::now();
	loop {
		let status = waybill.json(&as_collator("collator status"));
		assert_eq!(status["standing"], "candidate");
		if status["authoring"] == true && status["last_authored"].is_u64() {
			break;
		}
		assert!(started.elapsed() < Duration::from_secs(600), "no block was authored: {status}");
		sleep(Duration::from_secs(3));
	}
	waybill.json(&as_collator("collator leave"));
	let status = waybill.json(&as_collator("collator status"));
	assert_eq!((&status["standing"], &status["session_keys"]), (&"none".into(), &false.into()));
	let (code, error) = waybill.failure(&as_collator("collator leave"));
	assert_eq!((code, &error["kind"]), (6, &"not_found".into()));
}

#[test]
fn transaction_should_outlast_the_nodes_restart() {
	let mut node = Node::start(NO_GATEWAY);
	let waybill = Waybill::with(&node);
	let to = waybill.json("key generate to.key --account-key")["address"].as_str().unwrap().to_owned();
	waybill.json(&format!("account transfer {to} 1 --account //Alice"));

	let transfer = format!("account transfer {to} 2 --account //Alice --json --log waybill=debug");
	let transfer = waybill.command(&transfer).start().until_said("transaction sent");
	node.restart();
	let sent = transfer.wait().exits(0).json();
	assert_eq!(amount(&sent["amount"]), 2_000_000_000_000);
	assert_eq!(amount(&waybill.json(&format!("account balance {to}"))["free"]), 3_000_000_000_000);
}

#[test]
fn node_that_stands_still_or_ends_should_be_left_for_the_next() {
	// Development nodes have the same genesis, so the chains of both pass for one.
	let (mut first, mut second) = (Node::start_without_finality(NO_GATEWAY), Node::start(NO_GATEWAY));
	let [answer, silence, standstill] = [30, 1, 20].map(Duration::from_secs);
	let waits = Waits { answer, silence, standstill };
	let between = |nodes: [String; 2]| ChainNode::at_with(&nodes, None, waits).unwrap();
	let alice = "//Alice".parse::<Account>().unwrap();
	let runtime = tokio::runtime::Runtime::new().unwrap();

	let ledger = between([first.url(), second.url()]);
	let error = runtime.block_on(ledger.announce(&alice, "http://127.0.0.1:1001")).unwrap_err();
	assert!(error.is_unreachable(), "{error}");
	let block = runtime.block_on(ledger.announce(&alice, "http://127.0.0.1:1002")).unwrap();
	assert!(runtime.block_on(ledger.above(block)).unwrap().head().number > block);

	first.restart();
	let ledger = between([second.url(), first.url()]);
	runtime.block_on(ledger.newest()).unwrap();
	let sent = second.transactions(&alice.id());
	let (watched, payee) = (ledger.clone(), alice.clone());
	let ending = runtime.spawn(async move { watched.announce(&payee, "http://127.0.0.1:1003").await });
	while second.transactions(&alice.id()) == sent && !ending.is_finished() {
		sleep(Duration::from_millis(50));
	}
	second.kill();
	let error = runtime.block_on(ending).unwrap().unwrap_err();
	assert!(error.is_unreachable(), "{error}");
	assert!(runtime.block_on(ledger.announce(&alice, "http://127.0.0.1:1004")).unwrap() > 0);
}
