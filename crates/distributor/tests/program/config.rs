use waybill_distributor::{Config, Error, Margins};

fn check(config: Config) -> Result<(), Error> {
	config.check()
}

#[test]
fn rules_that_cannot_work_should_be_refused() {
	check(Config::default()).unwrap();
	for late_margin in [0, Margins::CLAIMS_STOP.as_secs()] {
		let error = check(Config { late_margin, ..Config::default() }).unwrap_err();
		assert!(matches!(error, Error::LateMargin(12)) && error.to_string().contains("late_margin"), "{error}");
	}
	let error = check(Config { claim_tip_percent: 101, ..Config::default() }).unwrap_err();
	assert!(error.to_string().contains("claim_tip_percent"), "{error}");
	let error = check(Config { min_reward: "1,5".into(), ..Config::default() }).unwrap_err();
	assert!(error.to_string().starts_with("--min-reward 1,5: "), "{error}");
	for config in [
		Config { epoch_size: 0, ..Config::default() },
		Config { max_batch: 0, ..Config::default() },
		Config { max_connections: 0, ..Config::default() },
	] {
		assert!(matches!(check(config), Err(Error::Zero(_))));
	}
}

#[test]
fn address_that_no_device_can_reach_should_not_be_announced() {
	let announce = |endpoint: &str| check(Config { announce: Some(endpoint.into()), ..Config::default() });
	announce("http://198.51.100.7:4180").unwrap();
	announce("https://firmware.example/waybill/").unwrap();
	for endpoint in ["", "198.51.100.7:4180", "ftp://198.51.100.7", "http://"] {
		assert!(matches!(announce(endpoint), Err(Error::Endpoint(_))), "{endpoint}");
	}
	let long = format!("http://{}", "a".repeat(122));
	assert!(matches!(announce(&long), Err(Error::LongEndpoint(128))));
}
