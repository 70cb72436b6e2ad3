//! The story of the demonstration, step by step.

use crate::{
	account::Account,
	audit::{Audit, State},
	authors,
	chain::Chain,
	cheat::{Cheat, Target},
	console::Console,
	devices::{Devices, Verified},
	distributors::{Distributor, Proved},
	firmware::Firmware,
	kubo::Kubo,
	network::Network,
	process::Process,
	summary::{Cheated, Installed, Proofs, Summary},
	vendor::{Bounty, Release, Rotation, Vendor},
	waybill::{Log, Waybill},
	Args,
};
use anyhow::{ensure, Context, Result};
use std::path::{Path, PathBuf};
use tokio::{join, try_join};

const MODEL: &str = "Acme Hub 2";
const NEXT_KEY: &str = "next-release.key";
/// The reward for each device, in UNIT.
const REWARD: &str = "0.25";
/// How many blocks the first bounty is open. Cheat and delivery take about 20 on two busy cores.
const FIRST_BLOCKS: u32 = 60;
/// The second bounty is paid in full and closed early, so it can be open for long.
const SECOND_BLOCKS: u32 = 120;
/// No device takes the last one. It is open long enough to prove its content, and for devices to
/// refuse it.
const LAST_BLOCKS: u32 = 25;

/// The processes that run during the story, and afterwards with `--keep`.
pub struct Running {
	/// The network.
	pub network: Network,
	kubo: Process,
	/// The addresses of kubo's gateway and RPC server.
	ipfs: [String; 2],
	distributors: [Distributor; 2],
}

impl Running {
	/// The names and addresses of everything but the nodes.
	pub fn services(&self) -> impl Iterator<Item = (&str, &str)> {
		let kubo = ["kubo gateway", "kubo RPC"].into_iter().zip(self.ipfs.iter().map(String::as_str));
		kubo.chain(self.distributors.iter().map(|distributor| (distributor.account().name.as_str(), distributor.url())))
	}

	/// Stops everything.
	pub async fn stop(self) {
		for mut distributor in self.distributors {
			distributor.stop().await;
		}
		self.network.stop().await;
		self.kubo.stop().await;
	}
}

/// Everything that the steps use.
struct Stage<'a> {
	console: &'a Console,
	chain: Chain,
	vendor: Vendor,
	distributors: [Distributor; 2],
	devices: Devices,
	fleet: u64,
	/// The log of a node that attests.
	attester: PathBuf,
}

/// Tells the story. Returns the summary as text, whether everything held, and what still runs.
pub async fn tell(args: &Args, console: &Console, run: &Path) -> Result<(String, bool, Running)> {
	let firmware = Firmware::find(&args.firmware()?)?;
	let ipfs = Kubo::new(&args.kubo()?, run)?;
	let (api, gateway) = (ipfs.api(), ipfs.gateway());

	console.heading("1. A network: two appointed collators, and two nodes of distributors");
	let step = console.step("starting four nodes");
	let (zombienet, node) = (args.program("waybill-zombienet")?, args.program("waybill-node")?);
	// kubo is ready before the nodes.
	let (network, kubo) = join!(Network::start(&zombienet, &node, &gateway, run), ipfs.start());
	let mut network = network.context(Log(run.join("network.log")))?;
	let kubo = kubo.context(Log(run.join("kubo.daemon.log")))?;
	let names: Vec<_> = network.nodes().iter().map(|node| format!("{} {}", node.name, node.ws)).collect();
	step.done(names.join(", "));

	console.heading("2. kubo, the IPFS node whose gateway the collators use");
	console.line(format!("  gateway {gateway}, started with the network"));

	let program = args.program("waybill")?;
	let client = |name: &str, node: &str| Waybill::new(&program, run, name, &network.node(node)?.ws, &gateway, &api);
	let chain = Chain::connect(&network.node("alice")?.ws).await?;
	let clients = [
		client("vendor", "alice")?,
		client("distributor-1", "charlie")?,
		client("distributor-2", "dave")?,
		client("devices", "bob")?,
	];
	let cheating = client("cheat", "bob")?;
	let mut stage = prepare(console, run, chain, clients, network.node("alice")?.log.clone()).await?;

	console.heading("4. The release: the collators' off-chain workers fetch it and attest");
	let first = stage.publish(&firmware.first, "1.0.0", 1).await?;
	console.heading("5. A bounty, and a distributor that cheats");
	let bounty = stage.open(first.release, FIRST_BLOCKS).await?;
	let cheated = stage.cheat(&cheating, &ipfs, &bounty, &first, &firmware.first, run).await?;
	console.heading("6. Two honest distributors: proofs, delivery, installation");
	let proved = stage.serve(&bounty, run).await?;
	let (delivered, verified) = stage.deliver(&first, "1.0.0", &firmware.first, &mut network).await?;
	let mut installed = vec![delivered];
	stage.authors().await?;

	console.heading("7. The vendor replaces its release key");
	let key_set = stage.rotate(&first, &firmware.first).await?;

	console.heading("8. A second release, 1.0.1, signed by the new key: the same again");
	let second = stage.publish(&firmware.second, "1.0.1", 2).await?;
	let next = stage.open(second.release, SECOND_BLOCKS).await?;
	stage.proved(&next).await?;
	installed.push(stage.deliver(&second, "1.0.1", &firmware.second, &mut network).await?.0);
	let followed = stage.devices.trusting(key_set).await?;

	console.heading("9. Both bounties are closed: the second is paid in full, the first expires");
	stage.close_paid(&next).await?;
	stage.close(&bounty).await?;

	console.heading("10. The way back is barred");
	let refusal = stage.lower_security_version(&firmware.first).await?;
	let old = stage.open(first.release, LAST_BLOCKS).await?;
	stage.proved(&old).await?;
	let refused = stage.older_release(&first, &second, &firmware.second).await?;
	let kept = stage.devices.kept(&firmware.first)?;
	stage.close(&old).await?;

	console.heading("11. The sums");
	let step = console.step("reading every block");
	let until = stage.chain.finalized().await?;
	let audit = Audit::read(&stage.chain, until).await?;
	let distributors = stage.distributors.each_ref().map(Distributor::account);
	let vendor = stage.vendor.account();
	let state = State::read(&stage.chain, until, &[vendor, distributors[0], distributors[1]]).await?;
	step.done(format!("{until} blocks"));
	let summary = Summary {
		installed,
		followed,
		refusal,
		refused,
		kept,
		checks: audit.checks(&state),
		audit: &audit,
		vendor,
		distributors: distributors.to_vec(),
		proofs: proofs(&distributors, &proved, &verified),
		cheated,
		seconds: console.elapsed().as_secs(),
	};
	let (text, holds) = (summary.to_string(), summary.holds());
	Ok((text, holds, Running { network, kubo, ipfs: [ipfs.gateway(), ipfs.api()], distributors: stage.distributors }))
}

/// Makes accounts, keys and devices, and registers vendor, model and fleet. The distributors' nodes
/// join the authors meanwhile.
async fn prepare<'a>(
	console: &'a Console,
	run: &Path,
	chain: Chain,
	[vendor, one, two, devices]: [Waybill; 4],
	attester: PathBuf,
) -> Result<Stage<'a>> {
	console.heading("3. A vendor with its release key, a model and a fleet of devices");
	let step = console.step("making and funding accounts");
	let (vendor_account, first, second) = try_join!(
		funded(&vendor, "vendor", run, "//Eve", "200"),
		funded(&one, "distributor-1", run, "//Ferdie", "200"),
		funded(&two, "distributor-2", run, "//One", "200"),
	)?;
	step.done("the vendor and two distributors have 200 UNIT each");

	let distributors = [Distributor::new(one, first, run), Distributor::new(two, second, run)];
	let step = console.step("registering; the distributors' nodes join the authors meanwhile");
	let register = async {
		let vendor = Vendor::register(&vendor, vendor_account, run, MODEL).await?;
		let devices = Devices::provision(&devices, run, Args::DEVICES).await?;
		let fleet = vendor.fleet(devices.keys()).await?;
		devices.bind(fleet, &vendor.account().address.to_string()).await?;
		anyhow::Ok((vendor, devices, fleet))
	};
	let join = async { try_join!(distributors[0].join(), distributors[1].join()) };
	let ((vendor, devices, fleet), _) = try_join!(register, join)?;
	step.done(format!("fleet {fleet}: {} devices; two distributors have bonded", devices.count()));
	Ok(Stage { console, chain, vendor, distributors, devices, fleet, attester })
}

async fn funded(waybill: &Waybill, name: &str, run: &Path, from: &str, amount: &str) -> Result<Account> {
	let account = Account::new(waybill, name, run).await?;
	account.fund(waybill, from, amount).await?;
	Ok(account)
}

impl Stage<'_> {
	async fn publish(&self, image: &Path, version: &str, security: u32) -> Result<Release> {
		let size = std::fs::metadata(image)?.len();
		let step = self.console.step(format!("publishing {version}, {size} bytes of {}", image.display()));
		let release = self.vendor.publish(image, version, security).await.context(Log(self.attester.clone()))?;
		let block = release.available_at.context("the release is not available")?;
		step.done(format!("release {}: {version}, {}, available in block {block}", release.release, release.payload));
		Ok(release)
	}

	async fn open(&self, release: u64, blocks: u32) -> Result<Bounty> {
		let step = self.console.step("opening a bounty");
		let bounty = self.vendor.open(release, self.fleet, REWARD, blocks).await?;
		let (id, end) = (bounty.bounty, bounty.expires_at);
		step.done(format!("bounty {id}: {REWARD} UNIT for each device with release {release}, until block {end}"));
		Ok(bounty)
	}

	/// A third distributor, the only one at first, offers a tampered image. The chain never hears
	/// of it.
	async fn cheat(
		&self,
		waybill: &Waybill,
		ipfs: &Kubo,
		bounty: &Bounty,
		release: &Release,
		image: &Path,
		run: &Path,
	) -> Result<Cheated> {
		let step = self.console.step("a third distributor tampers with the image, encrypts it and proves what it can");
		let account = Account::new(waybill, "cheat", run).await?;
		let target = Target {
			bounty: bounty.bounty,
			expires_at: bounty.expires_at,
			release: release.release,
			image,
			keys: self.devices.keys(),
			number: self.chain.finalized().await?,
		};
		let cheat = Cheat::start(waybill, account, ipfs, &target, run).await?;
		step.done(format!("it serves bounty {} at {}", bounty.bounty, cheat.url()));
		let refused = self.devices.refuse_offers(self.console, cheat.url(), &cheat.account().address.to_string()).await?;
		let (offers, receipts) = cheat.dealings();
		self.console.line(format!("  it made offers to {offers} devices and got {receipts} receipts"));
		Ok(Cheated {
			account: cheat.account().clone(),
			refused: refused.devices,
			devices: self.devices.count(),
			receipts,
			words: refused.words,
		})
	}

	/// The honest distributors start, encrypt and prove.
	async fn serve(&mut self, bounty: &Bounty, run: &Path) -> Result<[Proved; 2]> {
		let step = self.console.step("two distributors start");
		let [one, two] = &mut self.distributors;
		try_join!(one.start(run), two.start(run))?;
		step.done("two distributors have announced where they are");
		self.proved(bounty).await
	}

	/// Waits until the distributors have proved what they serve under a bounty.
	async fn proved(&self, bounty: &Bounty) -> Result<[Proved; 2]> {
		let step = self.console.step("two distributors encrypt and prove");
		let [one, two] = &self.distributors;
		let (first, second) = try_join!(one.proved(bounty.bounty), two.proved(bounty.bounty))?;
		let took = [first, second].map(|proved| format!("{:.1} s", proved.data_seconds + proved.lock_seconds));
		step.done(format!("proved in {} and {}, on a machine that runs all of this", took[0], took[1]));
		Ok([first, second])
	}

	async fn deliver(
		&mut self,
		release: &Release,
		version: &str,
		image: &Path,
		network: &mut Network,
	) -> Result<(Installed, Vec<Verified>)> {
		let outcome = self.devices.update(self.console).await;
		network.check()?;
		for distributor in &mut self.distributors {
			distributor.check()?;
		}
		let verified = outcome?;
		let devices = self.devices.installed(release.release, image).await?;
		self.console.line(format!("  {devices} of {} devices run {version}, byte for byte", self.devices.count()));
		Ok((Installed { version: version.into(), devices, total: self.devices.count() }, verified))
	}

	async fn authors(&self) -> Result<()> {
		let step = self.console.step("looking for blocks of the distributors' nodes");
		let accounts = self.distributors.each_ref().map(Distributor::account);
		let first = authors::seen(&self.chain, 1, &accounts).await?;
		let voters = authors::without_vote(&self.chain, &accounts).await?;
		let seen: Vec<_> = accounts
			.iter()
			.filter_map(|account| {
				first.get(&account.address).map(|block| format!("{} authored block {block}", account.name))
			})
			.collect();
		step.done(format!("{}; {voters} nodes vote in finality, theirs do not", seen.join(", ")));
		Ok(())
	}

	async fn close(&self, bounty: &Bounty) -> Result<()> {
		let step =
			self.console.step(format!("waiting for block {}, in which bounty {} expires", bounty.expires_at, bounty.bounty));
		self.chain.wait(bounty.expires_at).await?;
		self.vendor.close(bounty).await?;
		step.done(format!("bounty {} is closed", bounty.bounty));
		Ok(())
	}

	/// Closes a bounty before it expires, because all its devices are paid for.
	async fn close_paid(&self, bounty: &Bounty) -> Result<()> {
		let step = self.console.step(format!("closing bounty {}, all of whose devices are paid for", bounty.bounty));
		self.vendor.close(bounty).await?;
		step.done(format!("bounty {} is closed", bounty.bounty));
		Ok(())
	}

	/// Replaces the release key. The new one also signs the release that is out. Returns the
	/// version of the new key set.
	async fn rotate(&mut self, release: &Release, image: &Path) -> Result<u32> {
		let step = self.console.step("proposing a new key, signed by the old one and by itself");
		let Rotation { version, effective_at } = self.vendor.rotate(NEXT_KEY).await?;
		step.done(format!("key set {version} can be adopted from block {effective_at} on"));
		let step = self.console.step(format!("waiting for block {effective_at}"));
		self.chain.wait(effective_at).await?;
		self.vendor.adopt(NEXT_KEY).await?;
		self.vendor.resign(release, image).await?;
		step.done(format!("key set {version} is adopted, and has signed release {}", release.release));
		Ok(version)
	}

	async fn lower_security_version(&self, image: &Path) -> Result<String> {
		let step = self.console.step("publishing 1.0.2 with the security version of 1.0.0");
		let failure = self.vendor.publish_refused(image, "1.0.2", 1).await?;
		let name = failure.name.unwrap_or(failure.kind);
		ensure!(
			name == "Firmware.SecurityVersionTooLow",
			"the chain refused with an unexpected error: {name}: {}",
			failure.message
		);
		step.done(format!("the chain refused it: {name}"));
		Ok(name)
	}

	/// Checks that devices refuse the older release, for which a bounty is open and distributors
	/// have a ciphertext.
	async fn older_release(&self, old: &Release, new: &Release, image: &Path) -> Result<Installed> {
		self.devices.update(self.console).await?;
		let (refused, words) = self.devices.refuse(old.release).await?;
		self.console.line(format!("  {refused} devices did not take it, and say why: {words}"));
		let kept = self.devices.installed(new.release, image).await?;
		Ok(Installed { version: "1.0.0".into(), devices: refused.min(kept), total: self.devices.count() })
	}
}

/// What the proofs cost each distributor, and the devices that checked them.
fn proofs(distributors: &[&Account; 2], proved: &[Proved; 2], verified: &[Verified]) -> Vec<Proofs> {
	let of = |(account, proved): (&&Account, &Proved)| {
		let address = account.address.to_string();
		let mut times: Vec<_> =
			verified.iter().filter(|one| one.distributor == address).map(|one| one.milliseconds).collect();
		times.sort_unstable();
		Proofs {
			name: account.name.clone(),
			proved: *proved,
			verified: times.len(),
			median_ms: times.get(times.len() / 2).copied(),
		}
	};
	distributors.iter().zip(proved).map(of).collect()
}
