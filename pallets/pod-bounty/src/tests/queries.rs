//! The answers of the runtime API.

use crate::{mock::*, *};
use frame_support::assert_ok;
use waybill_primitives::view::{BountyView, DistributorView};

#[test]
fn bounties_should_be_found_by_release_until_closing() {
	run(|| {
		open_default();
		assert_ok!(crate::mock::open(&VENDOR, 1, 0, 50, 201));
		let ids = |found: Vec<BountyView<_, _>>| -> Vec<u64> { found.into_iter().map(|bounty| bounty.id).collect() };
		assert_eq!((ids(PodBounty::bounties_of(0)), ids(PodBounty::bounties_of(1))), (vec![0], vec![1]));
		assert_eq!(ids(PodBounty::bounties_of(2)), [0; 0]);
		assert_eq!(ids(PodBounty::open_bounties()), [0, 1]);
		reserve_devices(&ALICE, 0, [0]);
		set_block(101);
		assert_eq!(ids(PodBounty::open_bounties()), [1]);
		assert_eq!(ids(PodBounty::bounties_of(0)), [0]);
		assert_ok!(close(0, 1));
		assert_eq!(ids(PodBounty::bounties_of(0)), [0; 0]);
		let info = PodBounty::bounty(0).unwrap();
		assert!(info.closing && info.held == 0);
		assert_ok!(close(0, 1));
		assert_eq!(PodBounty::bounty(0), None);
	});
}

#[test]
fn device_status_should_follow_the_device() {
	run(|| {
		assert_eq!(PodBounty::device_status(0, 0), None);
		open_default();
		let status = |index| PodBounty::device_status(0, index).map(|status| (status.paid, status.reserved));
		assert_eq!((status(39), status(40)), (Some((false, None)), None));
		reserve_devices(&ALICE, 0, [1]);
		let number = reserve_devices(&ALICE, 0, [2, 3]);
		assert_eq!((status(2), status(4)), (Some((false, Some(number))), Some((false, None))));
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [2])));
		assert_eq!((status(2), status(3)), (Some((true, None)), Some((false, Some(number)))));
		let info = PodBounty::reservation(0, number).unwrap();
		assert_eq!((info.distributor, info.slots.len(), info.reward), (ALICE, 1, 100));
		assert_eq!(PodBounty::reservation(0, 9), None);
		set_block(101);
		assert_ok!(close(0, 1));
		assert_eq!(status(2), None);
	});
}

#[test]
fn paid_page_should_show_the_bitmap() {
	run(|| {
		assert_eq!(PodBounty::paid_page(0, 0), None);
		open_default();
		assert_eq!(PodBounty::paid_page(0, 0), Some(vec![0; PAGE_BYTES]));
		assert_eq!(PodBounty::paid_page(0, 1), None);
		let number = reserve_devices(&ALICE, 0, [0, 10]);
		assert_ok!(claim(&ALICE, 0, number, keys(&ALICE, [0, 10])));
		assert_eq!(PodBounty::paid_page(0, 0).unwrap()[..3], [1, 4, 0]);
	});
}

#[test]
fn distributors_should_be_listed() {
	run(|| {
		for who in [ALICE, BOB] {
			assert_ok!(send(&who, Call::announce { endpoint: b"here".to_vec().try_into().unwrap() }));
		}
		let mut listed = PodBounty::distributors();
		listed.sort_by_key(|one| one.account.clone());
		let here = |account| DistributorView { account, endpoint: b"here".to_vec() };
		assert_eq!(listed, [ALICE, BOB].map(here));
	});
}
