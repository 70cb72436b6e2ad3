//! Reads blocks, events and balances from the chain as any outsider can, without the `waybill`
//! program.

use anyhow::{ensure, Context, Result};
use std::{collections::BTreeSet, time::Duration};
use subxt::{
	client::OnlineClientAtBlock,
	config::substrate::DigestItem,
	dynamic,
	ext::scale_decode::{DecodeAsFields, DecodeAsType},
	utils::AccountId32,
	OnlineClient, SubstrateConfig,
};
use tokio::time::{sleep, Instant};

/// How long finality may stand still.
const PATIENCE: Duration = Duration::from_secs(120);
/// Often enough to see a block soon after it is final.
const POLL: Duration = Duration::from_millis(250);

/// The chain, through a node's RPC.
pub struct Chain {
	client: OnlineClient<SubstrateConfig>,
}

type At = OnlineClientAtBlock<SubstrateConfig>;
type Key = [u8; 32];

/// An event that moves money, or says why it moved.
#[derive(Clone, Debug)]
pub enum Event {
	/// `Balances.Transfer`.
	Transfer(Transfer),
	/// `TransactionPayment.TransactionFeePaid`.
	Fee(Fee),
	/// `PodBounty.BountyOpened`.
	Opened(Opened),
	/// `PodBounty.Paid`.
	Paid(Paid),
	/// `PodBounty.BountyClosing`.
	Closing(Closing),
	/// `PodBounty.BountyClosed`.
	Closed(Closed),
	/// `PodBounty.DepositBurnt` and `PodBounty.SlotsReplaced`.
	Burnt(Burnt),
}

/// An account sent free money to another.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Transfer {
	/// The sender.
	pub from: AccountId32,
	/// The receiver.
	pub to: AccountId32,
	/// How much.
	pub amount: u128,
}

/// A fee was paid.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Fee {
	/// The account that paid it.
	pub who: AccountId32,
	/// How much, tip included.
	pub actual_fee: u128,
}

/// A bounty was opened.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Opened {
	/// The bounty.
	pub bounty: u64,
	/// The vendor that pays.
	pub vendor: AccountId32,
	/// The release.
	pub release: u64,
	/// The number of devices.
	pub devices: u32,
	/// The reward for each.
	pub reward: u128,
}

/// A distributor was paid.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Paid {
	/// The bounty.
	pub bounty: u64,
	/// The distributor that was paid.
	pub distributor: AccountId32,
	/// The number of devices.
	pub devices: u32,
	/// How much.
	pub amount: u128,
}

/// The vendor got back what was left of a bounty.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Closing {
	/// The bounty.
	pub bounty: u64,
	/// How much went back.
	pub refunded: u128,
}

/// A bounty was removed.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Closed {
	/// The bounty.
	pub bounty: u64,
}

/// A reservation's deposit was burnt.
#[derive(Clone, Debug)]
pub struct Burnt {
	/// The distributor that lost it.
	pub distributor: AccountId32,
	/// How much.
	pub amount: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct DepositBurnt {
	distributor: AccountId32,
	amount: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct SlotsReplaced {
	distributor: AccountId32,
	burnt: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
	data: AccountData,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
	free: u128,
	reserved: u128,
}

impl Chain {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Self> {
		let client = OnlineClient::from_insecure_url(url).await.with_context(|| format!("cannot reach {url}"))?;
		Ok(Self { client })
	}

	/// The number of the newest final block.
	pub async fn finalized(&self) -> Result<u64> {
		Ok(self.client.at_current_block().await?.block_number())
	}

	/// Waits until a block with this number is final.
	pub async fn wait(&self, number: u64) -> Result<()> {
		let (mut last, mut since) = (0, Instant::now());
		loop {
			let finalized = self.finalized().await?;
			if finalized >= number {
				return Ok(());
			}
			if finalized > last {
				(last, since) = (finalized, Instant::now());
			}
			ensure!(since.elapsed() < PATIENCE, "no block became final for {} s after block {last}", PATIENCE.as_secs());
			sleep(POLL).await;
		}
	}

	/// Everything that an account owns at a block, held or free.
	pub async fn balance(&self, account: &AccountId32, number: u64) -> Result<u128> {
		let at = self.at(number).await?;
		let address = dynamic::storage::<(AccountId32,), AccountInfo>("System", "Account");
		let found = at.storage().try_fetch(address, (*account,)).await?;
		let Some(value) = found else { return Ok(0) };
		let AccountData { free, reserved } = value.decode()?.data;
		free.checked_add(reserved).context("a balance that is too large")
	}

	/// All money at a block.
	pub async fn issuance(&self, number: u64) -> Result<u128> {
		let at = self.at(number).await?;
		let address = dynamic::storage::<(), u128>("Balances", "TotalIssuance");
		Ok(at.storage().fetch(address, ()).await?.decode()?)
	}

	/// The events of a block that concern money.
	pub async fn events(&self, number: u64) -> Result<Vec<Event>> {
		let at = self.at(number).await?;
		let mut found = Vec::new();
		for event in at.events().fetch().await?.iter() {
			let event = event?;
			found.push(match (event.pallet_name(), event.event_name()) {
				("Balances", "Transfer") => Event::Transfer(fields(&event)?),
				("TransactionPayment", "TransactionFeePaid") => Event::Fee(fields(&event)?),
				("PodBounty", "BountyOpened") => Event::Opened(fields(&event)?),
				("PodBounty", "Paid") => Event::Paid(fields(&event)?),
				("PodBounty", "BountyClosing") => Event::Closing(fields(&event)?),
				("PodBounty", "BountyClosed") => Event::Closed(fields(&event)?),
				("PodBounty", "DepositBurnt") => {
					let DepositBurnt { distributor, amount } = fields(&event)?;
					Event::Burnt(Burnt { distributor, amount })
				},
				("PodBounty", "SlotsReplaced") => {
					let SlotsReplaced { distributor, burnt } = fields(&event)?;
					Event::Burnt(Burnt { distributor, amount: burnt })
				},
				_ => continue,
			});
		}
		Ok(found)
	}

	/// The account whose node authored a block.
	pub async fn author(&self, number: u64) -> Result<Option<AccountId32>> {
		let header = self.at(number).await?.block_header().await?;
		let slot = header.digest.logs.iter().find_map(|item| match item {
			DigestItem::PreRuntime(engine, data) if *engine == *b"aura" => data.as_slice().try_into().ok(),
			_ => None,
		});
		let slot = u64::from_le_bytes(slot.context("a block without a slot")?);
		// The authors of a block are those in its parent's state.
		let parent = self.at(number.checked_sub(1).context("the first block has no author")?).await?;
		let authors: Vec<Key> = parent.runtime_apis().call(dynamic::runtime_api_call("AuraApi", "authorities", ())).await?;
		ensure!(!authors.is_empty(), "no authors");
		let key = authors[usize::try_from(slot % authors.len() as u64)?];
		owner(&parent, *b"aura", key).await
	}

	/// The accounts whose nodes vote in finality.
	pub async fn voters(&self) -> Result<BTreeSet<AccountId32>> {
		let at = self.client.at_current_block().await?;
		let call = dynamic::runtime_api_call("GrandpaApi", "grandpa_authorities", ());
		let keys: Vec<(Key, u64)> = at.runtime_apis().call(call).await?;
		let mut voters = BTreeSet::new();
		for (key, _) in keys {
			voters.insert(owner(&at, *b"gran", key).await?.context("a voter without an account")?);
		}
		Ok(voters)
	}

	async fn at(&self, number: u64) -> Result<At> {
		self.client.at_block(number).await.with_context(|| format!("cannot read block {number}"))
	}
}

/// The account that a session key belongs to.
async fn owner(at: &At, sort: [u8; 4], key: Key) -> Result<Option<AccountId32>> {
	let address = dynamic::storage::<(([u8; 4], Vec<u8>),), AccountId32>("Session", "KeyOwner");
	let found = at.storage().try_fetch(address, ((sort, key.to_vec()),)).await?;
	Ok(found.map(|value| value.decode()).transpose()?)
}

fn fields<T: DecodeAsFields>(event: &subxt::events::Event<'_, SubstrateConfig>) -> Result<T> {
	event.decode_fields_unchecked_as().with_context(|| format!("cannot read {}.{}", event.pallet_name(), event.event_name()))
}
