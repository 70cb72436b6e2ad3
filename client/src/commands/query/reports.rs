//! Reports of what is on the chain, for people and for programs.

use crate::commands::Address;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use waybill_chain::{
	types::{text, Distributor, Fleet, Model, Release, Reservation, Vendor},
	AccountId, Amount, Calendar, DatedBlock, Hash,
};
use waybill_primitives::{
	view::{AttestationsView, ReleaseState},
	BountyId, Cid, DeviceIndex, DeviceKey, DeviceSignature, FleetId, ModelId, ReleaseId, ReservationId, Suite, Verdict,
	Version, Yank,
};

/// A vendor.
#[derive(Serialize)]
pub struct VendorReport {
	vendor: Address,
	name: String,
	url: String,
	security_contact: String,
	key_set_version: u32,
	threshold: u8,
	release_keys: Vec<DeviceKey>,
	models: Vec<ModelReport>,
}

impl VendorReport {
	/// A vendor with its models.
	pub fn new(vendor: Vendor, models: Vec<Model>) -> Self {
		Self {
			vendor: Address(vendor.account),
			name: vendor.name,
			url: vendor.url,
			security_contact: vendor.security_contact,
			key_set_version: vendor.key_set_version,
			threshold: vendor.key_set.threshold,
			release_keys: vendor.key_set.keys.into_inner(),
			models: models.into_iter().map(|model| ModelReport::new(model, None)).collect(),
		}
	}
}

impl Display for VendorReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		writeln!(f, "{} ({})", self.name, self.vendor)?;
		writeln!(f, "  web site          {}", self.url)?;
		writeln!(f, "  security contact  {}", self.security_contact)?;
		writeln!(
			f,
			"  key set           version {}, {} of {} must sign",
			self.key_set_version,
			self.threshold,
			self.release_keys.len()
		)?;
		self.release_keys.iter().try_for_each(|key| writeln!(f, "    {key}"))?;
		self.models.iter().try_for_each(|model| write!(f, "  {model}"))
	}
}

/// A model.
#[derive(Serialize)]
pub struct ModelReport {
	model: ModelId,
	vendor: Address,
	name: String,
	security_version: u32,
	#[serde(flatten)]
	more: Option<ModelMore>,
}

/// What belongs to a model.
#[derive(Serialize)]
pub struct ModelMore {
	/// The release that devices should have.
	pub latest_release: Option<ReleaseId>,
	/// All its releases.
	pub releases: Vec<ReleaseId>,
	/// Its fleets.
	pub fleets: Vec<FleetId>,
}

impl ModelReport {
	/// A model; `more` is what belongs to it.
	pub fn new(model: Model, more: Option<ModelMore>) -> Self {
		Self {
			model: model.id,
			vendor: Address(model.vendor),
			name: model.name,
			security_version: model.security_version,
			more,
		}
	}
}

impl Display for ModelReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		writeln!(f, "model {}: {}, security version {}", self.model, self.name, self.security_version)?;
		let Some(more) = &self.more else { return Ok(()) };
		writeln!(f, "  vendor          {}", self.vendor)?;
		match more.latest_release {
			Some(release) => writeln!(f, "  latest release  {release}")?,
			None => writeln!(f, "  latest release  none is available")?,
		}
		writeln!(f, "  releases        {}", list(&more.releases))?;
		writeln!(f, "  fleets          {}", list(&more.fleets))
	}
}

/// A fleet.
#[derive(Serialize)]
pub struct FleetReport {
	fleet: FleetId,
	model: ModelId,
	devices: u32,
	root: Hash,
	cap_height: u32,
	manifest: Cid,
	bounties: u32,
}

impl From<Fleet> for FleetReport {
	fn from(fleet: Fleet) -> Self {
		Self {
			fleet: fleet.id,
			model: fleet.model,
			devices: fleet.count,
			root: Hash(fleet.root),
			cap_height: fleet.cap_height,
			manifest: fleet.manifest,
			bounties: fleet.bounties,
		}
	}
}

impl Display for FleetReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		writeln!(f, "fleet {}: {} devices of model {}", self.fleet, self.devices, self.model)?;
		writeln!(f, "  root      {} (cap at height {})", self.root, self.cap_height)?;
		writeln!(f, "  manifest  {}", self.manifest)?;
		writeln!(f, "  bounties  {}", self.bounties)
	}
}

/// A release.
#[derive(Serialize)]
pub struct ReleaseReport {
	release: ReleaseId,
	vendor: Address,
	model: ModelId,
	version: Version,
	security_version: u32,
	state: ReleaseState,
	payload: Cid,
	size: u64,
	sha256: Hash,
	digest: DigestReport,
	advisory: Option<String>,
	yank: Option<&'static str>,
	published_at: DatedBlock,
	key_set_version: u32,
	signatures: Vec<SignatureReport>,
	#[serde(skip_serializing_if = "Option::is_none")]
	attestations: Option<AttestationsReport>,
}

#[derive(Serialize)]
struct DigestReport {
	suite: Suite,
	bytes: Hash,
}

#[derive(Serialize)]
struct SignatureReport {
	key_index: u8,
	signature: DeviceSignature,
}

/// The votes on a release.
#[derive(Serialize)]
pub struct AttestationsReport {
	round: u32,
	opens_at: DatedBlock,
	decided_at: Option<DatedBlock>,
	attesters: u32,
	needed: u32,
	votes: Vec<VoteReport>,
}

#[derive(Serialize)]
struct VoteReport {
	/// The session key by which the collator votes, in the format of accounts.
	attester: Address,
	verdict: &'static str,
}

impl ReleaseReport {
	/// A release, with the votes on it.
	pub fn new(release: Release, attestations: Option<AttestationsView>, calendar: &Calendar) -> Self {
		let statement = release.statement;
		let signatures = release.signatures.into_iter();
		Self {
			release: release.id,
			vendor: Address(release.vendor),
			model: statement.model,
			version: statement.version,
			security_version: statement.security_version,
			state: release.state,
			payload: statement.payload,
			size: statement.size,
			sha256: Hash(statement.sha256),
			digest: DigestReport { suite: statement.digest.suite, bytes: Hash(statement.digest.bytes) },
			advisory: release.advisory.as_deref().map(text),
			yank: release.yank.map(yank_name),
			published_at: calendar.date(release.published_at),
			key_set_version: release.key_set_version,
			signatures: signatures.map(|one| SignatureReport { key_index: one.key, signature: one.signature }).collect(),
			attestations: attestations.map(|votes| AttestationsReport::new(votes, calendar)),
		}
	}
}

impl AttestationsReport {
	fn new(attestations: AttestationsView, calendar: &Calendar) -> Self {
		let votes = attestations.votes.into_iter();
		Self {
			round: attestations.round,
			opens_at: calendar.date(attestations.opens_at),
			decided_at: attestations.decided_at.map(|block| calendar.date(block)),
			attesters: attestations.attesters,
			needed: attestations.needed,
			votes: votes
				.map(|(attester, verdict)| VoteReport {
					attester: Address(AccountId::from(attester)),
					verdict: verdict_name(verdict),
				})
				.collect(),
		}
	}
}

impl Display for ReleaseReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		write!(f, "release {}: version {} of model {}, ", self.release, self.version, self.model)?;
		writeln!(f, "security version {}, {}", self.security_version, self.state)?;
		writeln!(f, "  vendor   {}", self.vendor)?;
		writeln!(f, "  payload  {} ({} bytes)", self.payload, self.size)?;
		writeln!(f, "  sha256   {}", self.sha256)?;
		writeln!(f, "  signed   by {} keys of key set {}", self.signatures.len(), self.key_set_version)?;
		writeln!(f, "  since    {}", self.published_at)?;
		if let Some(reason) = self.yank {
			writeln!(f, "  yanked   {reason}")?;
		}
		if let Some(advisory) = &self.advisory {
			writeln!(f, "  advisory {advisory}")?;
		}
		if let Some(AttestationsReport { round, attesters, needed, votes, .. }) = &self.attestations {
			writeln!(f, "  votes    {} of {attesters} in round {round}, {needed} equal ones decide", votes.len())?;
			votes.iter().try_for_each(|vote| writeln!(f, "    {}  {}", vote.attester, vote.verdict))?;
		}
		Ok(())
	}
}

/// A reservation that stands.
#[derive(Serialize)]
pub struct ReservationReport {
	bounty: BountyId,
	reservation: ReservationId,
	distributor: Address,
	reward: Amount,
	deposit: Amount,
	exclusive_until: DatedBlock,
	devices: Vec<SlotReport>,
}

#[derive(Serialize)]
struct SlotReport {
	index: DeviceIndex,
	lock: Hash,
}

impl ReservationReport {
	/// A bounty's reservation.
	pub fn new(bounty: BountyId, id: ReservationId, reservation: Reservation, calendar: &Calendar) -> Self {
		let slots = reservation.slots.into_iter();
		Self {
			bounty,
			reservation: id,
			distributor: Address(reservation.distributor),
			reward: reservation.reward,
			deposit: reservation.deposit,
			exclusive_until: calendar.date(reservation.exclusive_until),
			devices: slots.map(|slot| SlotReport { index: slot.device_index, lock: Hash(slot.lock) }).collect(),
		}
	}
}

impl Display for ReservationReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		writeln!(f, "reservation {} of bounty {}: {} devices", self.reservation, self.bounty, self.devices.len())?;
		writeln!(f, "  distributor  {}", self.distributor)?;
		writeln!(f, "  reward       {} for a device, {} deposit", self.reward, self.deposit)?;
		writeln!(f, "  exclusive    before {}", self.exclusive_until)?;
		self.devices.iter().try_for_each(|slot| writeln!(f, "    device {}  {}", slot.index, slot.lock))
	}
}

/// The distributors.
#[derive(Serialize)]
pub struct DistributorsReport {
	distributors: Vec<DistributorReport>,
}

#[derive(Serialize)]
struct DistributorReport {
	distributor: Address,
	endpoint: String,
}

impl From<Vec<Distributor>> for DistributorsReport {
	fn from(distributors: Vec<Distributor>) -> Self {
		let report = |distributor: Distributor| DistributorReport {
			distributor: Address(distributor.account),
			endpoint: text(&distributor.endpoint),
		};
		Self { distributors: distributors.into_iter().map(report).collect() }
	}
}

impl Display for DistributorsReport {
	fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
		if self.distributors.is_empty() {
			return f.write_str("no distributor has announced itself");
		}
		self.distributors.iter().try_for_each(|entry| writeln!(f, "{}  {}", entry.distributor, entry.endpoint))
	}
}

fn list(ids: &[u64]) -> String {
	match ids {
		[] => "none".into(),
		ids => ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
	}
}

/// A reason's name, as `--reason` takes it.
pub const fn yank_name(reason: Yank) -> &'static str {
	match reason {
		Yank::Faulty => "faulty",
		Yank::Vulnerable => "vulnerable",
		Yank::Compromised => "compromised",
	}
}

const fn verdict_name(verdict: Verdict) -> &'static str {
	match verdict {
		Verdict::Available => "available",
		Verdict::Unreachable => "unreachable",
		Verdict::Mismatch => "mismatch",
	}
}
