//! The gateway's and kubo's clients against real HTTP servers.

#![allow(clippy::unwrap_used)]

use backon::ExponentialBuilder;
use std::{
	collections::BTreeSet,
	fs,
	time::{Duration, Instant},
};
use tokio::time::timeout;
use waybill_daemon::roots::Roots;
use waybill_ipfs_http::{Error, FileCid, Gateway, Kubo, Timeouts};
use waybill_primitives::Cid;
use waybill_testkit::{
	ipfs::{Ipfs, Trick},
	program,
	tls::Authority,
};

/// For answers that never end.
const SHORT: Timeouts = Timeouts {
	connect: Duration::from_secs(5),
	silence: Duration::from_millis(300),
	block: Duration::from_millis(900),
	window: Duration::from_secs(60),
};

fn client(nodes: &[&Ipfs]) -> Gateway {
	client_with(nodes, Timeouts::default())
}

fn client_with(nodes: &[&Ipfs], timeouts: Timeouts) -> Gateway {
	let urls: Vec<String> = nodes.iter().map(|node| node.url()).collect();
	Gateway::with(&urls, timeouts, ExponentialBuilder::default().with_min_delay(Duration::from_millis(5))).unwrap()
}

/// A client of a gateway that plays this trick.
fn client_for(trick: Trick, node: &Ipfs) -> Gateway {
	match trick {
		Trick::Hang | Trick::Drip => client_with(&[node], SHORT),
		_ => client(&[node]),
	}
}

fn file(length: usize) -> Vec<u8> {
	(0..length as u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

const TRICKS: [Trick; 10] = [
	Trick::Status(404),
	Trick::Status(500),
	Trick::Status(429),
	Trick::Html,
	Trick::OtherBlock,
	Trick::Truncated,
	Trick::Hang,
	Trick::Drip,
	Trick::Huge,
	Trick::Redirect,
];

#[tokio::test]
async fn files_of_every_shape_should_be_fetched() {
	let ipfs = Ipfs::start().await;
	let gateway = client(&[&ipfs]);
	for (length, leaf) in [(0, 100), (1, 100), (100, 100), (101, 100), (1_000, 100), (800_000, 4_096)] {
		let file = file(length);
		let cid = ipfs.add(&file, leaf);
		assert_eq!(gateway.fetch_bytes(&cid, length as u64).await.unwrap(), file, "{length} bytes in leaves of {leaf}");
	}
}

#[tokio::test]
async fn block_should_be_asked_for_again_when_a_gateway_misbehaves_once() {
	let ipfs = Ipfs::start().await;
	let file = file(1_000);
	for (number, trick) in TRICKS.into_iter().enumerate() {
		let file = [&file[..], &[number as u8]].concat();
		let root = ipfs.add(&file, 100);
		ipfs.trick(&Cid::raw(&file[300..400]), [trick]);
		ipfs.trick(&root, [trick]);
		assert_eq!(client_for(trick, &ipfs).fetch_bytes(&root, 1_001).await.unwrap(), file, "{trick:?}");
	}
}

#[tokio::test]
async fn fetch_should_fail_with_the_cause_when_the_only_gateway_always_misbehaves() {
	let ipfs = Ipfs::start().await;
	for (number, trick) in TRICKS.into_iter().enumerate() {
		let file = [&file(100)[..], &[number as u8]].concat();
		let cid = ipfs.add(&file, 1_000);
		ipfs.trick(&cid, [trick; 100]);
		let error = client_for(trick, &ipfs).fetch_bytes(&cid, 101).await.unwrap_err();
		let words = error.to_string();
		assert!(words.contains(&cid.to_string()), "{trick:?}: {words}");
		let Error::Fetch { root, source } = error else { panic!("{trick:?}: {words}") };
		assert_eq!(root, cid);
		let fits = match (trick, &*source) {
			(Trick::Status(429), Error::GatewayBusy { status, .. }) => status.as_u16() == 429,
			(Trick::Status(wanted), Error::GatewayStatus { status, .. }) => status.as_u16() == wanted,
			(Trick::Redirect, Error::GatewayStatus { status, .. }) => status.as_u16() == 307,
			(Trick::Html, Error::WrongBlock { content_type, .. }) => content_type == "text/html",
			(Trick::OtherBlock, Error::WrongBlock { length, .. }) => *length == 13,
			(Trick::Truncated, Error::GatewayUnreachable { .. }) => true,
			(Trick::Hang, Error::GatewaySlow { received: 0, .. }) => true,
			(Trick::Drip, Error::GatewaySlow { received, .. }) => *received > 0,
			(Trick::Huge, Error::BlockTooLarge { .. }) => true,
			_ => false,
		};
		assert!(fits, "{trick:?}: {words}");
	}
}

#[tokio::test]
async fn file_should_come_over_a_link_on_which_blocks_that_share_it_come_too_late() {
	let ipfs = Ipfs::start().await;
	let file = file(160_000);
	let root = ipfs.add(&file, 40_000);
	// Four blocks at once take 1.6 s each, one takes 0.4 s, and a block may take 0.9 s.
	ipfs.throttle(100_000);
	let gateway = client_with(&[&ipfs], SHORT);
	assert_eq!(gateway.fetch_bytes(&root, 160_000).await.unwrap(), file);
}

#[tokio::test]
async fn what_has_come_of_a_block_should_be_kept_when_it_breaks_off() {
	let ipfs = Ipfs::start().await;
	let file = file(100_000);
	let cid = ipfs.add(&file, 262_144);
	// No attempt may take long enough for the whole block.
	ipfs.throttle(50_000);
	let gateway = client_with(&[&ipfs], SHORT);
	assert_eq!(gateway.fetch_bytes(&cid, 100_000).await.unwrap(), file);
	// Neither may a caller that gives up and comes back.
	let cid = ipfs.add(&file[1..], 262_144);
	let gateway = client(&[&ipfs]);
	let mut attempts = 0;
	let fetched = loop {
		attempts += 1;
		if let Ok(fetched) = timeout(Duration::from_millis(700), gateway.fetch_bytes(&cid, 99_999)).await {
			break fetched;
		}
	};
	assert_eq!(fetched.unwrap(), file[1..]);
	assert!(attempts > 1);
}

#[tokio::test]
async fn gateway_should_be_left_alone_for_as_long_as_it_asks() {
	let ipfs = Ipfs::start().await;
	let file = file(100);
	let cid = ipfs.add(&file, 1_000);
	ipfs.trick(&cid, [Trick::RetryAfter(2)]);
	let begun = Instant::now();
	assert_eq!(client(&[&ipfs]).fetch_bytes(&cid, 100).await.unwrap(), file);
	assert!(begun.elapsed() >= Duration::from_secs(2));
	// Another gateway need not wait.
	let other = Ipfs::start().await;
	other.add(&file, 1_000);
	ipfs.trick(&cid, [Trick::RetryAfter(600); 10]);
	assert_eq!(client(&[&ipfs, &other]).fetch_bytes(&cid, 100).await.unwrap(), file);
}

#[tokio::test]
async fn fault_should_be_the_gateways_only_where_it_is() {
	let ipfs = Ipfs::start().await;
	for (number, (trick, is_gateways, words)) in [
		(Trick::Status(404), false, "HTTP 404"),
		(Trick::Status(500), false, "HTTP 500"),
		(Trick::Status(504), false, "HTTP 504"),
		(Trick::Hang, false, "sent 0 bytes"),
		(Trick::Drip, true, "no more in time"),
		(Trick::Status(401), true, "wants a token"),
		(Trick::Status(429), true, "is busy"),
		(Trick::Status(502), true, "HTTP 502"),
		(Trick::Redirect, true, "it redirects"),
		(Trick::Html, true, "not block"),
	]
	.into_iter()
	.enumerate()
	{
		let file = [&file(100)[..], &[number as u8]].concat();
		let cid = ipfs.add(&file, 1_000);
		ipfs.trick(&cid, [trick; 100]);
		let error = client_with(&[&ipfs], SHORT).fetch_bytes(&cid, 101).await.unwrap_err();
		assert_eq!(error.blames_gateway(), is_gateways, "{trick:?}: {error}");
		assert!(error.to_string().contains(words), "{trick:?}: {error}");
	}
}

#[tokio::test]
async fn another_gateway_should_serve_when_one_is_bad_or_gone() {
	let (good, bad, gone) = (Ipfs::start().await, Ipfs::start().await, Ipfs::start().await);
	let file = file(5_000);
	let root = good.add(&file, 500);
	bad.add(&file, 500);
	for chunk in file.chunks(500) {
		bad.trick(&Cid::raw(chunk), [Trick::OtherBlock; 100]);
	}
	let gateway = client(&[&bad, &gone, &good]);
	drop(gone);
	assert_eq!(gateway.fetch_bytes(&root, 5_000).await.unwrap(), file);
}

#[tokio::test]
async fn wrong_size_should_be_refused_when_the_dag_is_larger_or_smaller_than_declared() {
	let ipfs = Ipfs::start().await;
	let gateway = client(&[&ipfs]);
	let root = ipfs.add(&file(1_000), 100);
	for size in [0, 999, 1_001, 1 << 40] {
		let error = gateway.fetch_bytes(&root, size).await.unwrap_err();
		assert!(error.is_wrong_size(), "{error}");
		assert!(error.to_string().contains("1000 bytes where"), "{error}");
	}
}

#[tokio::test]
async fn download_should_carry_on_where_it_stopped() {
	let ipfs = Ipfs::start().await;
	let gateway = client(&[&ipfs]);
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("file");
	let file = file(5_000);
	let root = ipfs.add(&file, 100);
	for stop in [7, 23, 41] {
		let bad = Cid::raw(&file[stop * 100..][..100]);
		ipfs.trick(&bad, [Trick::Status(500); 6]);
		let error = gateway.fetch_file(&root, 5_000, &path, |_| ()).await.unwrap_err();
		assert!(matches!(error, Error::Fetch { .. }), "{error}");
		assert!(!path.exists());
		ipfs.requests();
	}
	let mut seen = Vec::new();
	gateway.fetch_file(&root, 5_000, &path, |bytes| seen.push(bytes)).await.unwrap();
	assert_eq!(fs::read(&path).unwrap(), file);
	assert_eq!(seen.first(), Some(&4_100));
	assert_eq!(seen.last(), Some(&5_000));
	let missing: BTreeSet<_> = file[4_100..].chunks(100).map(|chunk| Cid::raw(chunk).to_string()).collect();
	assert_eq!(ipfs.requests().into_iter().collect::<BTreeSet<_>>(), missing);
	assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn download_should_start_over_when_what_is_on_disk_is_of_another_file() {
	let ipfs = Ipfs::start().await;
	let gateway = client(&[&ipfs]);
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("file");
	let (one, other) = (file(2_000), vec![7; 2_000]);
	let root = ipfs.add(&one, 100);
	ipfs.trick(&Cid::raw(&one[1_000..1_100]), [Trick::Html; 6]);
	gateway.fetch_file(&root, 2_000, &path, |_| ()).await.unwrap_err();
	gateway.fetch_file(&ipfs.add(&other, 100), 2_000, &path, |_| ()).await.unwrap();
	assert_eq!(fs::read(&path).unwrap(), other);
}

#[tokio::test]
async fn addresses_that_are_none_should_be_refused() {
	for url in ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "ipfs"] {
		assert_eq!(Gateway::new(&[url]).unwrap_err(), Error::Address(url.into()));
		assert_eq!(Kubo::new(&[url]).unwrap_err(), Error::Address(url.into()));
	}
	assert_eq!(Gateway::new::<&str>(&[]).unwrap_err(), Error::NoGateway);
}

#[tokio::test]
async fn kubo_should_add_files_and_remove_pins() {
	let ipfs = Ipfs::start().await;
	let kubo = Kubo::new(&[ipfs.url()]).unwrap();
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("file");
	let file = file(600_000);
	fs::write(&path, &file).unwrap();
	let added = kubo.add_file(&path, |_| ()).await.unwrap();
	assert_eq!(added.size, 600_000);
	assert_eq!(added.cid, ipfs.add(&file, 262_144));
	assert_eq!(kubo.add_bytes("name", file.clone()).await.unwrap(), added);
	assert_eq!(client(&[&ipfs]).fetch_bytes(&added.cid, added.size).await.unwrap(), file);
	kubo.unpin(&added.cid).await.unwrap();
	kubo.unpin(&added.cid).await.unwrap();
	assert_eq!(ipfs.unpinned(), [added.cid.to_string()]);
	assert_eq!(kubo.version().await.unwrap(), "0.0.0");
	let missing = folder.path().join("none");
	let error = kubo.add_file(&missing, |_| ()).await.unwrap_err();
	assert!(matches!(&error, Error::Read { path, .. } if *path == missing), "{error}");
}

#[tokio::test]
async fn kubo_that_divides_files_in_another_way_should_be_refused() {
	let ipfs = Ipfs::start().await;
	let (kubo, file) = (Kubo::new(&[ipfs.url()]).unwrap(), file(600_000));
	ipfs.divide(100_000);
	let error = kubo.add_bytes("name", file.clone()).await.unwrap_err();
	let expected = FileCid::of(&file);
	assert!(matches!(error, Error::OtherCid { expected: wanted, .. } if wanted == expected), "{error}");
	assert!(error.to_string().contains(&expected.to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn same_file_should_have_the_same_cid_whatever_kubos_configuration() {
	let kubo = program::Kubo::with(&[("Import.UnixFSFileMaxLinks", "1024"), ("Import.UnixFSRawLeaves", "false")]);
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("file");
	// One leaf more than a node of the usual width has.
	fs::write(&path, file(174 * 262_144 + 1)).unwrap();
	let expected = FileCid::of_file(&path).unwrap();
	assert_ne!(kubo.cid_of(&path), expected.to_string());
	let added = Kubo::new(&[kubo.api()]).unwrap().add_file(&path, |_| ()).await.unwrap();
	assert_eq!(added.cid, expected);
}

#[tokio::test]
async fn next_kubo_should_be_asked_when_one_is_away() {
	let (ipfs, gone) = (Ipfs::start().await, Ipfs::start().await);
	let kubo = Kubo::new(&[gone.url(), ipfs.url()]).unwrap();
	drop(gone);
	let added = kubo.add_bytes("file", file(1_000)).await.unwrap();
	assert!(kubo.is_pinned(&added.cid).await.unwrap());
	assert_eq!(ipfs.pinned(), [added.cid.to_string()]);
	// The one that is away may have it.
	assert!(kubo.is_pinned(&Cid::raw(b"another")).await.is_err());
	assert!(Kubo::new::<&str>(&[]).is_err());
}

#[tokio::test]
async fn kubo_should_be_named_when_it_does_not_answer() {
	let ipfs = Ipfs::start().await;
	let url = ipfs.url();
	drop(ipfs);
	let error = Kubo::new(&[&url]).unwrap().version().await.unwrap_err();
	assert!(matches!(error, Error::KuboUnreachable { .. }), "{error}");
	assert!(error.to_string().contains("ipfs daemon"), "{error}");
}

#[tokio::test]
async fn file_that_comes_too_slowly_should_be_given_up_and_a_slow_one_fetched() {
	let ipfs = Ipfs::start().await;
	let (file, timeouts) = (file(20_000), Timeouts { window: Duration::from_secs(2), ..Timeouts::default() });
	let cid = ipfs.add(&file, 262_144);
	ipfs.throttle(100);
	let begun = Instant::now();
	let error = client_with(&[&ipfs], timeouts).fetch_bytes(&cid, 20_000).await.unwrap_err();
	assert_eq!(error, Error::TooSlow { root: cid, window: Duration::from_secs(2) });
	assert!(error.is_unreachable() && begun.elapsed() < Duration::from_secs(10), "{error}");
	// 16 kbit/s, over several windows.
	ipfs.throttle(2_000);
	let timeouts = Timeouts { window: Duration::from_secs(4), ..timeouts };
	assert_eq!(client_with(&[&ipfs], timeouts).fetch_bytes(&cid, 20_000).await.unwrap(), file);
}

#[tokio::test]
async fn gateways_should_be_counted_and_bytes_that_come_twice_count_once() {
	let (good, bad) = (Ipfs::start().await, Ipfs::start().await);
	let file = file(1_000);
	let cid = good.add(&file, 100);
	let gateway = client(&[&good, &bad]);
	assert_eq!(gateway.fetch_bytes(&cid, 1_000).await.unwrap(), file);
	let [good, bad] = gateway.sources().try_into().unwrap();
	assert_eq!((good.blocks, bad.blocks, good.bytes), (11, 0, gateway.received()));
	assert!(bad.failures > 0 && !bad.is_failing, "{bad:?}");
	let gone = client_with(&[&Ipfs::start().await], SHORT);
	assert!(gone.fetch_bytes(&cid, 1_000).await.is_err());
}

#[tokio::test]
async fn gateway_should_count_as_failing_when_it_is_away_and_not_when_nobody_has_the_block() {
	let silent = Ipfs::start().await;
	silent.hang();
	let gateway = client_with(&[&silent], SHORT);
	let cid = Cid::raw(b"nobody has this");
	assert!(gateway.fetch_bytes(&cid, 100).await.is_err());
	assert!(!gateway.sources()[0].is_failing);
	let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
	let retries = ExponentialBuilder::default().with_min_delay(Duration::from_millis(5));
	let gateway = Gateway::with(&[format!("http://{free}")], SHORT, retries).unwrap();
	assert!(gateway.fetch_bytes(&cid, 100).await.is_err());
	assert!(gateway.sources()[0].is_failing);
}

#[tokio::test]
async fn gateway_and_kubo_should_be_called_over_https() {
	let (ipfs, authority) = (Ipfs::start_in_thread(), Authority::new("private"));
	let (proxy, file) = (authority.before(&ipfs.url()), file(700_000));
	let roots = Roots::with_file(&authority.file()).unwrap();
	let urls = [proxy.url("https")];
	let added = Kubo::trusting(&urls, &roots).unwrap().add_bytes("file", file.clone()).await.unwrap();
	assert_eq!(Gateway::trusting(&urls, &roots).unwrap().fetch_bytes(&added.cid, added.size).await.unwrap(), file);
	let error = Kubo::new(&urls).unwrap().version().await.unwrap_err();
	assert!(error.to_string().contains("--ca-file"), "{error}");
}
