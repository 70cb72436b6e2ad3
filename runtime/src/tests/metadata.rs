use crate::Runtime;
use std::{env, fs, path::Path};

const FILE: &str = "crates/chain/metadata/waybill.scale";
const VARIABLE: &str = "WAYBILL_UPDATE_METADATA";

/// Clients are built from the committed metadata.
#[test]
fn committed_metadata_should_be_this_runtimes() {
	let metadata = sp_io::TestExternalities::default()
		.execute_with(|| Runtime::metadata_at_version(16))
		.map(|metadata| metadata.to_vec())
		.unwrap();
	// Tests run in their package's folder.
	let path = Path::new("..").join(FILE);
	if env::var_os(VARIABLE).is_some() {
		fs::create_dir_all(path.parent().unwrap()).unwrap();
		fs::write(&path, &metadata).unwrap();
	}
	let committed = fs::read(&path).unwrap_or_default();
	assert!(
		committed == metadata,
		"{FILE} ({} bytes) is not the metadata of this runtime ({} bytes). If the change is meant, write it anew with\n\
		\t{VARIABLE}=1 cargo test --release -p waybill-runtime metadata",
		committed.len(),
		metadata.len()
	);
}
