//! A chain that stands still, or that somebody holds back.

use super::*;
use crate::{unreachable, Frozen};
use waybill_exchange::Refusal;
use waybill_testkit::ledger::lost;

/// What a device reports while it runs for at least this time.
async fn watch(field: &Field, path: &Path, config: &Config, time: Duration) -> (Vec<Event>, String) {
	let (mut agent, events) = field.agent(path, config).unwrap();
	hindered(&mut agent, time, false).await;
	let events = events.lock().unwrap().clone();
	(events, agent.obstacle().to_owned())
}

fn frozen(events: &[Event]) -> Frozen {
	match events {
		[Event::Frozen(frozen)] => frozen.clone(),
		_ => panic!("{events:?}"),
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_should_be_said_across_restarts_until_a_recent_block_is_seen() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	let hold = |ms| field.scene.chain.edit(|world| world.timestamp_ms = ms);
	let held = Time::now().0 - 600_000;
	hold(Some(held));
	let brief = Duration::from_millis(500);
	let (events, obstacle) = watch(&field, &path, &lenient(), brief).await;
	assert_eq!(frozen(&events).since_ms, Time(held));
	assert!(obstacle.starts_with("frozen since ") && obstacle.contains(": the newest final block"), "{obstacle}");
	assert!(obstacle.contains("10 minutes old") && obstacle.contains("indefinite freeze"), "{obstacle}");
	assert_eq!(Home::read(&path).unwrap().memory().unwrap().freeze.unwrap().since_ms, Time(held));
	// Newer blocks come, but slowly: the freeze is the same.
	hold(Some(held + 60_000));
	let (events, _) = watch(&field, &path, &lenient(), brief).await;
	assert_eq!(frozen(&events).since_ms, Time(held));
	// It ends by itself, while the device runs.
	let (mut agent, events) = field.agent(&path, &lenient()).unwrap();
	let run = tokio::spawn(async move { agent.run(true).await });
	until(|| !events.lock().unwrap().is_empty()).await;
	hold(None);
	timeout(LIMIT, run).await.unwrap().unwrap().unwrap();
	let events = events.lock().unwrap().clone();
	assert!(matches!(&events[..], [Event::Frozen(_), Event::Thawed { since_ms, .. }, Event::UpToDate { .. }]
		if *since_ms == Time(held)));
	assert_eq!(Home::read(&path).unwrap().memory().unwrap().freeze, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_should_be_said_when_no_block_comes_any_more() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	let config = Config { max_block_age: 3, ..lenient() };
	field.ticker.abort();
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	tokio::select! {
		ended = agent.run(false) => panic!("{ended:?}"),
		() = async {
			until(|| events.lock().unwrap().len() == 1).await;
			field.scene.chain.edit(|world| world.timestamp_ms = Some(Time::now().0));
			until(|| events.lock().unwrap().len() == 2).await;
		} => {},
	}
	let events = events.lock().unwrap();
	assert!(matches!(&events[..], [Event::UpToDate { installed: None }, Event::Frozen(_)]), "{events:?}");
	assert!(agent.obstacle().contains("somebody holds newer blocks back"), "{}", agent.obstacle());
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_should_be_said_when_no_node_can_be_reached() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	let config = Config { max_block_age: 3, ..lenient() };
	field.scene.chain.edit(|world| world.down = true);
	// A device that has never seen a block cannot say how old the newest is.
	let (events, obstacle) = watch(&field, &path, &config, Duration::from_millis(300)).await;
	assert!(events.is_empty() && obstacle == lost().to_string(), "{events:?} {obstacle}");
	field.scene.chain.edit(|world| world.down = false);
	let (mut agent, events) = field.agent(&path, &config).unwrap();
	let run = tokio::spawn(async move { agent.run(false).await });
	until(|| !events.lock().unwrap().is_empty()).await;
	field.scene.chain.edit(|world| world.down = true);
	until(|| events.lock().unwrap().len() == 2).await;
	run.abort();
	let _ = run.await;
	let events = events.lock().unwrap().clone();
	let Frozen { cause, block, since_ms, .. } = frozen(&events[1..]);
	assert!(cause == lost().to_string() && block > 0, "{cause}");
	// At the next start there is still no node.
	let home = Home::open(&path).unwrap();
	let error = unreachable(&home, config.policy(), lost().into()).unwrap();
	assert_eq!(error.refusal(), Some(Refusal::StaleChainView));
	let error = error.to_string();
	assert!(error.starts_with(&format!("frozen since {since_ms}: ")) && error.ends_with(&lost().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn older_state_than_one_before_should_be_named_a_rollback() {
	let field = Field::new(1).await;
	let path = field.provision(0);
	let (mut agent, _) = field.agent(&path, &lenient()).unwrap();
	let old = field.scene.chain.newest().await.unwrap();
	field.scene.chain.advance(5);
	agent.step(&field.scene.chain.newest().await.unwrap()).await.unwrap();
	let error = agent.step(&old).await.unwrap_err();
	assert_eq!(error.refusal(), Some(Refusal::ChainViewRollback));
	assert!(error.to_string().starts_with("rollback: "), "{error}");
}
