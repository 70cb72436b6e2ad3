//! The distributor's metrics. `docs/metrics.md` describes them.

use crate::{
	desk::Desk,
	error::Result,
	insight::Insight,
	report::Part,
	status::Status,
	store::Earnings,
	tally::{Answers, Tries},
};
use waybill_chain::{
	ledger::{Ledger, State},
	Amount,
};
use waybill_daemon::metrics::Page;

/// The smallest units in a UNIT.
const UNIT: f64 = 1e12;

/// The page of metrics.
pub fn page<L: Ledger>(desk: &Desk<L>, insight: &Insight) -> Result<Page> {
	let (page, status) = (Page::default(), Status::of(desk, insight)?);
	let version = [(env!("CARGO_PKG_VERSION"), 1.0)];
	page.gauges("waybill_distributor_info", "The program's version, as a label.", "version", version);
	page.gauge(
		"waybill_distributor_start_time_seconds",
		"When the program began, in seconds since 1970.",
		insight.about.started_ms as f64 / 1e3,
	);
	links(&page, desk, insight);
	bounties(&page, desk, &status)?;
	money(&page, desk)?;
	requests(&page, insight);
	work(&page, insight);
	insight.gateway.iter().for_each(|gateway| gateway.write_metrics(&page));
	if let Some(certificate) = &insight.certificate {
		certificate.write_metrics(&page);
	}
	Ok(page)
}

/// What the distributor depends on.
fn links<L: Ledger>(page: &Page, desk: &Desk<L>, insight: &Insight) {
	let up = |part| f64::from(u8::from(insight.health.answers(part).up));
	page.gauge("waybill_distributor_node_up", "1 if the chain's node answers.", up(Part::Node));
	page.gauge("waybill_distributor_kubo_up", "1 if kubo answers.", up(Part::Kubo));
	let head = desk.newest().borrow().as_ref().map(|state| state.head());
	page.gauge(
		"waybill_distributor_block_height",
		"The newest final block; 0 before the first.",
		head.map_or(0.0, |head| f64::from(head.number)),
	);
	page.gauge(
		"waybill_distributor_block_timestamp_seconds",
		"The time of the newest final block, in seconds since 1970; 0 before the first.",
		head.map_or(0.0, |head| head.timestamp_ms as f64 / 1e3),
	);
}

/// The bounties, and the exchanges under them.
fn bounties<L: Ledger>(page: &Page, desk: &Desk<L>, status: &Status) -> Result<()> {
	let count = |is_like: fn(&crate::status::BountyStatus) -> bool| {
		status.bounties.iter().filter(|bounty| is_like(bounty)).count() as f64
	};
	let states = [
		("serving", count(|bounty| bounty.serving)),
		("passed_over", count(|bounty| bounty.passed_over)),
		("trouble", count(|bounty| !bounty.passed_over && bounty.trouble.is_some())),
	];
	let help = "Bounties by state. One in trouble may be served, too.";
	page.gauges("waybill_distributor_bounties", help, "state", states);
	let sum = |of: fn(&crate::status::BountyStatus) -> u32| {
		status.bounties.iter().map(|bounty| f64::from(of(bounty))).sum::<f64>()
	};
	let stages = [
		("offered", sum(|bounty| bounty.offered)),
		("signed", sum(|bounty| bounty.signed)),
		("reserved", sum(|bounty| bounty.reserved)),
		("revealed", sum(|bounty| bounty.revealed)),
	];
	page.gauges("waybill_distributor_exchanges", "Exchanges with devices, by stage.", "stage", stages);
	let mut left = Vec::new();
	for served in desk.book().all() {
		let bounty = served.bounty.id;
		left.push((bounty.to_string(), f64::from(desk.store().left(bounty)?)));
	}
	let help = "Devices that the newest content key of a bounty can still serve.";
	page.gauges("waybill_distributor_locks_left", help, "bounty", left);
	Ok(())
}

/// What the store says of money. It outlasts restarts.
fn money<L: Ledger>(page: &Page, desk: &Desk<L>) -> Result<()> {
	let total = desk.store().earnings()?.into_iter().map(|(_, earnings)| earnings).fold(Earnings::default(), Earnings::plus);
	let units = |amount: u128| Amount(amount).0 as f64 / UNIT;
	page.counter("waybill_distributor_paid_deliveries_total", "Paid deliveries.", total.devices.into());
	page.counter("waybill_distributor_earned_units_total", "What was paid for them, in UNIT.", units(total.earned));
	page.counter("waybill_distributor_fees_units_total", "Transaction fees, in UNIT.", units(total.fees));
	page.counter(
		"waybill_distributor_unknown_deliveries_total",
		"Deliveries of which nobody can tell any more whether they were paid.",
		total.unknown.into(),
	);
	let open = desk.store().claimed()?.len();
	page.gauge("waybill_distributor_open_claims", "Claims whose outcome is not known yet.", open as f64);
	Ok(())
}

/// What devices asked for.
fn requests(page: &Page, insight: &Insight) {
	let tally = &insight.tally;
	let kinds = [("invite", &tally.invites), ("hello", &tally.offers), ("receipt", &tally.receipts), ("key", &tally.keys)];
	let each = |of: fn(&Answers) -> &crate::tally::Count| kinds.map(|(kind, answers)| (kind, of(answers).get() as f64));
	let name = "waybill_distributor_requests_total";
	page.counters(name, "Requests of devices that were answered as asked.", "message", each(|answers| &answers.done));
	let name = "waybill_distributor_rejections_total";
	page.counters(name, "Requests of devices that were rejected.", "message", each(|answers| &answers.rejected));
	let name = "waybill_distributor_busy_total";
	let help = "Requests of devices that were put off, by a fault or by too much to do.";
	page.counters(name, help, "message", each(|answers| &answers.busy));
}

/// What the distributor does by itself.
fn work(page: &Page, insight: &Insight) {
	let tally = &insight.tally;
	let tries = [("reserve", &tally.reservations), ("claim", &tally.claims)];
	let each = |of: fn(&Tries) -> &crate::tally::Count| tries.map(|(call, tries)| (call, of(tries).get() as f64));
	let name = "waybill_distributor_transactions_total";
	page.counters(name, "Transactions that are in a final block.", "call", each(|tries| &tries.done));
	let name = "waybill_distributor_failed_transactions_total";
	page.counters(name, "Transactions that failed, and are tried again.", "call", each(|tries| &tries.failed));
	let count = |count: &crate::tally::Count| count.get() as f64;
	page.counter(
		"waybill_distributor_preparations_total",
		"Bounties whose content was made, or found to be there.",
		count(&tally.preparations.done),
	);
	page.counter(
		"waybill_distributor_failed_preparations_total",
		"Attempts to make the content for a bounty that failed.",
		count(&tally.preparations.failed),
	);
	page.counter(
		"waybill_distributor_content_lost_total",
		"Bounties whose content kubo had lost, so that it was made again.",
		count(&tally.lost),
	);
	page.counter(
		"waybill_distributor_failed_content_checks_total",
		"Looks for lost content that kubo did not answer.",
		count(&tally.checks.failed),
	);
	page.gauge(
		"waybill_distributor_content_checked_timestamp_seconds",
		"When the content was last looked for, in seconds since 1970; 0 if never.",
		tally.checked_at().map_or(0.0, |time| time.0 as f64 / 1e3),
	);
}
