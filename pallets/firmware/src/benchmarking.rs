//! Benchmarks of the calls.

use crate::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{Authorize, Consideration, Footprint},
	BoundedVec,
};
use frame_system::RawOrigin;
use sp_core::{crypto::KeyTypeId, ed25519, Get};
use sp_runtime::{transaction_validity::TransactionSource, RuntimeAppPublic, SaturatedConversion};
use waybill_primitives::{
	Cid, Digest, FleetId, Hash32, KeySet, ModelId, ReleaseId, ReleaseKey, ReleaseSignature, ReleaseStatement, Statement,
	Suite, Verdict, Version, VoteStatement, Yank, YankStatement, MAX_RELEASE_KEYS,
};

/// The keystore's key type of the vendors' release keys.
const RELEASE_KEYS: KeyTypeId = KeyTypeId(*b"wbrk");

/// A text that fills its bound.
fn longest<S: Get<u32>>() -> BoundedVec<u8, S> {
	BoundedVec::truncate_from(alloc::vec![b'x'; S::get().saturated_into()])
}

fn metadata<T: Config>() -> VendorMetadata<T> {
	VendorMetadata { name: longest(), url: longest(), security_contact: longest() }
}

/// A key set all of whose keys must sign, and are in the keystore.
fn key_set(count: u32) -> KeySet {
	let keys = (0..count).map(|_| ReleaseKey::Ed25519(sp_io::crypto::ed25519_generate(RELEASE_KEYS, None).0)).collect();
	KeySet { threshold: count.saturated_into(), keys: BoundedVec::truncate_from(keys) }
}

/// Signatures by every key of the vendor's key set.
fn sign<T: Config>(vendor: &T::AccountId, statement: &impl Statement) -> Signatures {
	let message = statement.signing_bytes(&Pallet::<T>::genesis_hash());
	let keys = KeySets::<T>::get(vendor, 1).map(|set| set.keys.into_inner()).unwrap_or_default();
	let signatures = (0u8..).zip(keys).filter_map(|(index, ReleaseKey::Ed25519(key))| {
		let signature = sp_io::crypto::ed25519_sign(RELEASE_KEYS, &ed25519::Public::from_raw(key), &message)?;
		Some((index, ReleaseSignature::Ed25519(signature.0)))
	});
	BoundedVec::truncate_from(signatures.collect())
}

/// Money for the deposits of `count` releases and whatever else there is.
fn fund<T: Config>(who: &T::AccountId, count: u64) {
	let one = Footprint::from_parts(1, 16 * 1024);
	(0..count).for_each(|_| T::Consideration::ensure_successful(who, one));
}

/// A vendor with `keys` release keys.
fn vendor<T: Config>(keys: u32) -> Result<T::AccountId, BenchmarkError> {
	let vendor: T::AccountId = account("vendor", keys, 0);
	fund::<T>(&vendor, 4);
	Pallet::<T>::register_vendor(RawOrigin::Signed(vendor.clone()).into(), metadata(), key_set(keys))?;
	Ok(vendor)
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
	let signatures = sign::<T>(vendor, &statement);
	Pallet::<T>::publish_release(RawOrigin::Signed(vendor.clone()).into(), statement, Some(longest()), signatures)?;
	Ok((model, release))
}

const DIGEST: Digest = Digest { suite: Suite::Plain, bytes: [7; 32] };

/// See [`waybill_primitives::Registry::benchmark_release`].
pub(crate) fn available_release<T: Config>(
	vendor: &T::AccountId,
	digest: Digest,
	root: Hash32,
	count: u32,
) -> (ReleaseId, FleetId) {
	let origin = RawOrigin::Signed(vendor.clone());
	let fleet = NextFleetId::<T>::get();
	fund::<T>(vendor, 4);
	if !Vendors::<T>::contains_key(vendor) {
		Pallet::<T>::register_vendor(origin.clone().into(), metadata(), key_set(1)).unwrap_or_default();
	}
	let (model, release) = release::<T>(vendor, digest).unwrap_or_default();
	Pallet::<T>::register_fleet(origin.into(), model, root, count, Cid::raw(&root)).unwrap_or_default();
	Releases::<T>::mutate_extant(release, |release| release.state = ReleaseState::Available);
	(release, fleet)
}

/// As many attesters as there may be, of whom half have voted on a release. Returns a vote that decides.
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
		fund::<T>(&vendor, 1);
		let keys = key_set(k);

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor.clone()), metadata(), keys);

		assert!(Vendors::<T>::contains_key(&vendor));
	}

	#[benchmark]
	fn update_vendor() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(MAX_RELEASE_KEYS)?;
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
	fn register_fleet() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = model::<T>(&vendor)?;
		let fleet = NextFleetId::<T>::get();

		#[extrinsic_call]
		_(RawOrigin::Signed(vendor), model, [1; 32], u32::MAX, Cid::raw(b""));

		assert!(Fleets::<T>::contains_key(fleet));
		Ok(())
	}

	#[benchmark]
	fn remove_fleet() -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(1)?;
		let model = model::<T>(&vendor)?;
		let fleet = NextFleetId::<T>::get();
		let origin = RawOrigin::Signed(vendor);
		Pallet::<T>::register_fleet(origin.clone().into(), model, [1; 32], u32::MAX, Cid::raw(b""))?;

		#[extrinsic_call]
		_(origin, fleet);

		assert!(!Fleets::<T>::contains_key(fleet));
		Ok(())
	}

	#[benchmark]
	fn publish_release(s: Linear<1, MAX_RELEASE_KEYS>) -> Result<(), BenchmarkError> {
		let vendor = vendor::<T>(s)?;
		let statement = statement::<T>(model::<T>(&vendor)?, DIGEST);
		let signatures = sign::<T>(&vendor, &statement);
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
		let signatures = sign::<T>(&vendor, &YankStatement { release, reason });

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

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
