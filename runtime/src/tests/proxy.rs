use crate::{ProxyType, RuntimeCall};
use codec::Encode;
use frame_support::traits::InstanceFilter;
use waybill_primitives::{Cid, Digest, ReleaseStatement, Suite, Version, Yank};

fn calls_of_others() -> Vec<RuntimeCall> {
	let remark = || RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
	let publish = publish();
	vec![
		remark(),
		RuntimeCall::Utility(pallet_utility::Call::batch { calls: vec![publish.clone()] }),
		RuntimeCall::Balances(pallet_balances::Call::transfer_all {
			dest: sp_keyring::Sr25519Keyring::Bob.to_account_id().into(),
			keep_alive: false,
		}),
		RuntimeCall::Firmware(pallet_firmware::Call::yank_release { release: 0, reason: Yank::Faulty, advisory: None }),
		RuntimeCall::Firmware(pallet_firmware::Call::register_fleet {
			model: 0,
			count: 1,
			cap: Default::default(),
			manifest: Cid::raw(b""),
		}),
		RuntimeCall::Proxy(pallet_proxy::Call::remove_proxies {}),
		RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(publish) }),
	]
}

fn publish() -> RuntimeCall {
	let sha256 = [1; 32];
	RuntimeCall::Firmware(pallet_firmware::Call::publish_release {
		statement: ReleaseStatement {
			model: 0,
			version: Version::new(1, 0, 0),
			security_version: 1,
			payload: Cid::raw(b"payload"),
			size: 7,
			sha256,
			digest: Digest { suite: Suite::Plain, bytes: sha256 },
		},
		advisory: None,
		signatures: Default::default(),
	})
}

#[test]
fn publishing_proxy_should_publish_and_nothing_else() {
	assert!(ProxyType::ReleasePublishing.filter(&publish()));
	for call in calls_of_others() {
		assert!(!ProxyType::ReleasePublishing.filter(&call), "{call:?}");
		assert!(ProxyType::Any.filter(&call), "{call:?}");
	}
}

#[test]
fn types_should_contain_themselves_and_any_should_contain_all() {
	use ProxyType::{Any, ReleasePublishing};
	assert!(
		Any.is_superset(&Any) && Any.is_superset(&ReleasePublishing) && ReleasePublishing.is_superset(&ReleasePublishing)
	);
	assert!(!ReleasePublishing.is_superset(&Any));
	assert_eq!(ProxyType::default(), Any);
}

#[test]
fn types_should_keep_their_encoding() {
	assert_eq!((ProxyType::Any, ProxyType::ReleasePublishing).encode(), [0, 1]);
}
