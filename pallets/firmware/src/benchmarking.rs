//! Benchmarks of the calls.

use crate::{migrations::v2, *};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{
	migrations::SteppedMigration,
	traits::{Authorize, Consideration, Footprint, StorageVersion},
	weights::WeightMeter,
	BoundedVec,
};
use frame_system::RawOrigin;
use sp_core::{crypto::KeyTypeId, ed25519, ConstU32, Get};
use sp_runtime::{transaction_validity::TransactionSource, RuntimeAppPublic, SaturatedConversion};
use waybill_primitives::{
	fleet::{CAP_PAGE_NODES, MAX_CAP_NODES},
	Cid, Digest, FleetId, Hash32, IndexedSignature, KeySet, ModelId, ReleaseId, ReleaseKey, ReleaseSignature,
	ReleaseStatement, Statement, Suite, Verdict, Version, VoteStatement, Yank, YankStatement, MAX_RELEASE_KEYS,
};

/// The keystore's key type of the vendors' release keys.
const RELEASE_KEYS: KeyTypeId = KeyTypeId(*b"wbrk");

/// The most pages of a cap.
const MAX_CAP_PAGES: u32 = MAX_CAP_NODES.div_ceil(CAP_PAGE_NODES);

/// A text that fills its bound.
fn longest<S: Get<u32>>() -> BoundedVec<u8, S> {
	BoundedVec::truncate_from(alloc::vec![b'x'; S::get().saturated_into()])
}

fn metadata<T: Config>() -> VendorMetadata<T> {
	VendorMetadata { name: longest(), url: longest(), security_contact: longest() }
}

/// The largest key set, with its keys in the keystore. `threshold` of them must sign.
fn key_set(threshold: u32) -> KeySet {
	let key = |_| ReleaseKey::Ed25519(sp_io::crypto::ed25519_generate(RELEASE_KEYS, None).0);
	let keys = (0..MAX_RELEASE_KEYS).map(key).collect();
	KeySet { threshold: threshold.saturated_into(), keys: BoundedVec::truncate_from(keys) }
}

/// Signatures by as many keys of the set as its threshold asks for.
fn signatures<T: Config>(key_set: &KeySet, statement: &impl Statement) -> Signatures {
	let message = statement.signing_bytes(&Pallet::<T>::genesis_hash());
	let signers = (0..key_set.threshold).zip(&key_set.keys);
	let signatures = signers.filter_map(|(place, ReleaseKey::Ed25519(key))| {
		let signature = sp_io::crypto::ed25519_sign(RELEASE_KEYS, &ed25519::Public::from_raw(*key), &message)?;
		Some(IndexedSignature { key: place, signature: ReleaseSignature::Ed25519(signature.0) })
	});
	BoundedVec::truncate_from(signatures.collect())
}

/// Signatures by the vendor's current key set.
fn sign<T: Config>(vendor: &T::AccountId, statement: &impl Statement) -> Result<Signatures, BenchmarkError> {
	let version = Vendors::<T>::get(vendor).ok_or("no vendor")?.key_set_version;
	Ok(signatures::<T>(&KeySets::<T>::get(vendor, version).ok_or("no key set")?, statement))
}

/// Money for the deposits of a benchmark.
fn fund<T: Config>(who: &T::AccountId) {
	T::Consideration::ensure_successful(who, Footprint::from_parts(1, 512 * 1024));
}

/// A vendor with the largest key set, `threshold` of whose keys must sign.
fn vendor<T: Config>(threshold: u32) -> Result<T::AccountId, BenchmarkError> {
	let vendor: T::AccountId = account("vendor", threshold, 0);
	fund::<T>(&vendor);
	Pallet::<T>::register_vendor(RawOrigin::Signed(vendor.clone()).into(), metadata(), key_set(threshold))?;
	Ok(vendor)
}

/// Proposes a key set, `threshold` of whose keys must sign, and returns it.
fn propose<T: Config>(vendor: &T::AccountId, threshold: u32) -> Result<KeySet, BenchmarkError> {
	let key_set = key_set(threshold);
	let statement = Pallet::<T>::next_statement(vendor, key_set.clone())?;
	let (old, new) = (sign::<T>(vendor, &statement)?, signatures::<T>(&key_set, &statement));
	let origin = RawOrigin::Signed(vendor.clone()).into();
	Pallet::<T>::rotate_key_set(origin, vendor.clone(), key_set.clone(), old, new)?;
	Ok(key_set)
}

/// Goes to the first block in which the waiting key set can be adopted.
fn pass_delay<T: Config>(vendor: &T::AccountId) -> Result<(), BenchmarkError> {
	let pending = PendingKeySets::<T>::get(vendor).ok_or("no key set waits")?;
	frame_system::Pallet::<T>::set_block_number(pending.effective_at);
	Ok(())
}

/// A cap of `pages` full pages, for a fleet with a device for each node.
fn cap(pages: u32) -> BoundedVec<Hash32, ConstU32<MAX_CAP_NODES>> {
	let nodes = pages.saturating_mul(CAP_PAGE_NODES);
	BoundedVec::truncate_from(alloc::vec![[1; 32]; nodes.saturated_into()])
}

fn model<T: Config>(vendor: &T::AccountId) -> Result<ModelId, BenchmarkError> {
	let model = NextModelId::<T>::get();
	Pallet::<T>::register_model(RawOrigin::Signed(vendor.clone()).into(), longest())?;
	Ok(model)
}

fn statement<T: Config>(model: ModelId, digest: Digest) -> ReleaseStatement {
	ReleaseStatement {
		model,
		version: Version::new(1, 0, 0),
		security_version: T::MaxSecurityStep::get(),
		payload: Cid::raw(&digest.bytes),
		size: T::MaxPayloadSize::get(),
		sha256: digest.bytes,
		digest,
	}
}

fn release<T: Config>(vendor: &T::AccountId, digest: Digest) -> Result<(ModelId, ReleaseId), BenchmarkError> {
	let (model, release) = (model::<T>(vendor)?, NextReleaseId::<T>::get());
	let statement = statement::<T>(model, digest);
	let signatures = sign::<T>(vendor, &statement)?;
	Pallet::<T>::publish_release(RawOrigin::Signed(vendor.clone()).into(), statement, Some(longest()), signatures)?;
	Ok((model, release))
}

const DIGEST: Digest = Digest { suite: Suite::Plain, bytes: [7; 32] };

/// See [`waybill_primitives::Registry::benchmark_release`].
pub(crate) fn available_release<T: Config>(
	vendor: &T::AccountId,
	digest: Digest,
	cap: Vec<Hash32>,
	count: u32,
) -> (ReleaseId, FleetId) {
	let origin = RawOrigin::Signed(vendor.clone());
	let fleet = NextFleetId::<T>::get();
	fund::<T>(vendor);
	if !Vendors::<T>::contains_key(vendor) {
		Pallet::<T>::register_vendor(origin.clone().into(), metadata(), key_set(1)).unwrap_or_default();
	}
	let (model, release) = release::<T>(vendor, digest).unwrap_or_default();
	let cap = BoundedVec::truncate_from(cap);
	Pallet::<T>::register_fleet(origin.into(), model, count, cap, Cid::raw(b"")).unwrap_or_default();
	Releases::<T>::mutate_extant(release, |release| release.state = ReleaseState::Available);
	(release, fleet)
}

/// Fills the list of attesters and lets half of them vote on a release. Returns the vote that
/// decides.
fn deciding_vote<T: Config>() -> Result<Call<T>, BenchmarkError> {
	let (_, release) = release::<T>(&vendor::<T>(1)?, DIGEST)?;
	let mut attesters: Vec<AttesterId> = (0..T::MaxAttesters::get()).map(|_| AttesterId::generate_pair(None)).collect();
	attesters.sort();
	let verdict = Verdict::Available;
	let votes = attesters.iter().skip(1).map(|attester| Vote { attester: attester.clone(), verdict });
	let votes = votes.take(attesters.len() / 2).collect();
	Rounds::<T>::mutate_extant(release, |round| round.votes = BoundedVec::truncate_from(votes));
	Attesters::<T>::put(BoundedVec::truncate_from(attesters.clone()));

	let attester = attesters.first().cloned().ok_or("no attester")?;
	let round = 0;
	let message = VoteStatement { release, round, verdict }.signing_bytes(&Pallet::<T>::genesis_hash());
	let signature = attester.sign(&message).ok_or("the keystore did not sign")?;
	Ok(Call::attest { attester, release, round, verdict, signature })
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn register_vendor(k: Linear<1, MAX_RELEASE_KEYS>) {
		let vendor: T::AccountId = account("vendor", k, 0);
		fund::<T>(&vendor);
		let mut keys = key_set(1);
		keys.keys.truncate(k.saturated_into());

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor.clone()), metadata(), keys);

		assert!(Vendors::<T>::contains_key(&vendor));
	}

	#[benchmark]
	fn update_vendor() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let metadata = VendorMetadata { url: BoundedVec::new(), ..metadata::<T>() };

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor.clone()), metadata.clone());

		assert_eq!(Vendors::<T>::get(&vendor).map(|vendor| vendor.metadata), Some(metadata));
		Ok(())
	}

	#[benchmark]
	fn register_model() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = NextModelId::<T>::get();

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), longest());

		assert!(Models::<T>::contains_key(model));
		Ok(())
	}

	#[benchmark]
	fn register_fleet(p: Linear<1, MAX_CAP_PAGES>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = model::<T>(&vendor)?;
		let fleet = NextFleetId::<T>::get();
		let cap = cap(p);

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), model, cap.len() as u32, cap, Cid::raw(b""));

		assert_eq!(FleetCaps::<T>::iter_key_prefix(fleet).count() as u32, p);
		Ok(())
	}

	#[benchmark]
	fn remove_fleet(p: Linear<1, MAX_CAP_PAGES>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = model::<T>(&vendor)?;
		let fleet = NextFleetId::<T>::get();
		let origin = RawOrigin::Signed(vendor);
		let cap = cap(p);
		Pallet::<T>::register_fleet(origin.clone().into(), model, cap.len() as u32, cap, Cid::raw(b""))?;

		#[extrinsic_call]
		_(origin, fleet);

		assert!(!Fleets::<T>::contains_key(fleet));
		Ok(())
	}

	#[benchmark]
	fn publish_release(s: Linear<1, MAX_RELEASE_KEYS>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(s)?;
		let statement = statement::<T>(model::<T>(&vendor)?, DIGEST);
		let signatures = sign::<T>(&vendor, &statement)?;
		let release = NextReleaseId::<T>::get();

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), statement, Some(longest()), signatures);

		assert!(Releases::<T>::contains_key(release));
		Ok(())
	}

	#[benchmark]
	fn yank_release() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let (_, release) = release::<T>(&vendor, DIGEST)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), release, Yank::Compromised, Some(longest()));

		assert!(!Rounds::<T>::contains_key(release));
		Ok(())
	}

	#[benchmark]
	fn yank_release_signed(s: Linear<1, MAX_RELEASE_KEYS>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(s)?;
		let (_, release) = release::<T>(&vendor, DIGEST)?;
		let reason = Yank::Compromised;
		let signatures = sign::<T>(&vendor, &YankStatement { release, reason })?;

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), release, reason, signatures);

		assert!(!Rounds::<T>::contains_key(release));
		Ok(())
	}

	#[benchmark]
	fn attest() -> Result<(), BenchmarkError> {
		let Call::attest { attester, release, round, verdict, signature } = deciding_vote::<T>()? else {
			return Err("another call".into());
		};

		#[extrinsic_call]
		_(RawOrigin::Authorized, attester, release, round, verdict, signature);

		assert_eq!(Releases::<T>::get(release).map(|release| release.state), Some(ReleaseState::Available));
		Ok(())
	}

	#[benchmark]
	fn authorize_attest() -> Result<(), BenchmarkError> {
		let call = deciding_vote::<T>()?;

		let validity;
		#[block]
		{
			validity = call.authorize(TransactionSource::External);
		}

		assert!(matches!(validity, Some(Ok(_))));
		Ok(())
	}

	#[benchmark]
	fn rotate_key_set(o: Linear<1, MAX_RELEASE_KEYS>, n: Linear<1, MAX_RELEASE_KEYS>) -> Result<(), BenchmarkError> {
		let (vendor, keys) = (vendor::<T>(o)?, key_set(n));
		let statement = Pallet::<T>::next_statement(&vendor, keys.clone())?;
		let (old, new) = (sign::<T>(&vendor, &statement)?, signatures::<T>(&keys, &statement));
		let submitter: T::AccountId = account("submitter", 0, 0);
		fund::<T>(&submitter);

		#[extrinsic_call]
		_(RawOrigin::Signed(submitter), vendor.clone(), keys, old, new);

		assert!(PendingKeySets::<T>::contains_key(&vendor));
		Ok(())
	}

	#[benchmark]
	fn veto_key_set() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(MAX_RELEASE_KEYS)?;
		propose::<T>(&vendor, MAX_RELEASE_KEYS)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor.clone()));

		assert_eq!(VetoedKeySets::<T>::iter_key_prefix(&vendor).count(), 1);
		Ok(())
	}

	#[benchmark]
	fn adopt_key_set() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(MAX_RELEASE_KEYS)?;
		let keys = propose::<T>(&vendor, MAX_RELEASE_KEYS)?;
		pass_delay::<T>(&vendor)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), vendor.clone());

		assert_eq!(KeySets::<T>::get(&vendor, 2), Some(keys));
		Ok(())
	}

	#[benchmark]
	fn resign_release(s: Linear<1, MAX_RELEASE_KEYS>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(MAX_RELEASE_KEYS)?;
		let (_, release) = release::<T>(&vendor, DIGEST)?;
		propose::<T>(&vendor, s)?;
		pass_delay::<T>(&vendor)?;
		Pallet::<T>::adopt_key_set(RawOrigin::Signed(vendor.clone()).into(), vendor.clone())?;
		let statement = Releases::<T>::get(release).ok_or("no release")?.statement;
		let signatures = sign::<T>(&vendor, &statement)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), release, signatures);

		assert_eq!(Releases::<T>::get(release).map(|release| release.key_set_version), Some(2));
		Ok(())
	}

	#[benchmark]
	fn migrate_fleet() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = model::<T>(&vendor)?;
		let ticket = T::Consideration::new(&vendor, Footprint::from_parts(1, 1))?;
		let (root, manifest) = ([1; 32], Cid::raw(b""));
		let fleet = v2::v1::Fleet::<T> { model, root, count: u32::MAX, manifest, users: 1, ticket };
		v2::v1::Fleets::<T>::insert(0, fleet);
		StorageVersion::new(1).put::<Pallet<T>>();
		// One step for the fleet, and one that finds no other.
		let mut meter = WeightMeter::with_limit(T::WeightInfo::migrate_fleet().saturating_mul(2));

		#[block]
		{
			v2::AddFleetCaps::<T>::step(None, &mut meter).map_err(|_| "the step failed")?;
		}

		assert_eq!(FleetCaps::<T>::get(0, 0).map(BoundedVec::into_inner), Some(alloc::vec![root]));
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
