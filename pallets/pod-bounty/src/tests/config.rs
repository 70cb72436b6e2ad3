//! What `integrity_test` accepts.

use crate::{mock::*, *};

fn accepted(change: impl FnOnce() + std::panic::UnwindSafe) -> bool {
	reset_parameters();
	std::panic::catch_unwind(|| {
		change();
		Pallet::<Test>::check_config();
	})
	.is_ok()
}

#[test]
fn sound_configurations_should_be_accepted() {
	assert!(accepted(|| ()));
	assert!(accepted(|| MaxBatch::set(512)));
	assert!(accepted(|| MaxBatch::set(25)));
}

#[test]
fn batch_that_does_not_fit_a_block_should_be_refused() {
	assert!(!accepted(|| MaxBatch::set(100_000)));
	assert!(!accepted(|| MaxBatch::set(24)));
}

#[test]
fn reward_that_cannot_create_an_account_should_be_refused() {
	assert!(!accepted(|| MinReward::set(ED - 1)));
}

#[test]
fn deposit_of_zero_should_be_refused() {
	assert!(!accepted(|| ReservationDeposit::set(0)));
	assert!(!accepted(|| ReservationDeposit::set(Balance::MAX)));
}

#[test]
fn durations_out_of_order_should_be_refused() {
	assert!(!accepted(|| ShortestDuration::set(0)));
	assert!(!accepted(|| ShortestDuration::set(MAX_DURATION + 1)));
	assert!(accepted(|| ShortestDuration::set(MAX_DURATION)));
}

#[test]
fn window_of_zero_should_be_refused() {
	assert!(!accepted(|| ExclusiveWindow::set(0)));
	assert!(!accepted(|| ExclusiveWindow::set(LEAST_EXCLUSIVE_WINDOW - 1)));
	assert!(accepted(|| ExclusiveWindow::set(LEAST_EXCLUSIVE_WINDOW)));
}

#[test]
fn window_without_an_end_should_be_refused() {
	assert!(!accepted(|| ExclusiveWindow::set(MAX_EXCLUSIVE_WINDOW + 1)));
	assert!(accepted(|| ExclusiveWindow::set(MAX_EXCLUSIVE_WINDOW)));
}

#[test]
fn step_of_closing_that_removes_nothing_or_fits_no_block_should_be_refused() {
	assert!(!accepted(|| MinClosePages::set(0)));
	assert!(!accepted(|| MinClosePages::set(100_000)));
	assert!(accepted(|| MinClosePages::set(64)));
}
