//! Reads a network definition and adapts it to this run.

use anyhow::{bail, Context, Result};
use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
};
use toml::{Table, Value};
use zombienet_sdk::NetworkConfig;

const GATEWAY_ARGUMENT: &str = "--ipfs-gateway=";
/// The settings of a node's ports in zombienet's definition.
const PORTS: [&str; 3] = ["rpc_port", "prometheus_port", "p2p_port"];

/// A network definition in zombienet's TOML.
#[derive(Clone, Debug)]
pub struct Definition {
	table: Table,
	folder: PathBuf,
}

impl Definition {
	/// Reads a definition from a file.
	pub fn read(file: &Path) -> Result<Self> {
		let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
		let table = text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
		let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
		Ok(Self { table, folder })
	}

	/// The definition that comes with this package, `local.toml`.
	pub fn local() -> Result<Self> {
		let table = include_str!("../local.toml").parse().context("local.toml is not TOML")?;
		Ok(Self { table, folder: PathBuf::from(".") })
	}

	/// Sets the node program to run.
	pub fn with_node(mut self, program: &Path) -> Result<Self> {
		let program =
			program.canonicalize().with_context(|| format!("cannot find the node program {}", program.display()))?;
		let program = program.to_str().context("the node program's path is not UTF-8")?;
		// Zombienet splits the command at spaces.
		if program.contains(char::is_whitespace) {
			bail!("zombienet cannot run {program}, because its path contains a space; move the program");
		}
		self.section("relaychain").insert("default_command".into(), program.into());
		Ok(self)
	}

	/// Sets the folder for all files, and creates it.
	pub fn with_folder(mut self, folder: &Path) -> Result<Self> {
		std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
		let folder = folder.canonicalize()?;
		let folder = folder.to_str().context("the folder's path is not UTF-8")?;
		self.section("settings").insert("base_dir".into(), folder.into());
		Ok(self)
	}

	/// Sets the IPFS gateway of all nodes.
	pub fn with_gateway(mut self, url: &str) -> Self {
		let chain = self.section("relaychain");
		let mut lists: Vec<&mut Value> = Vec::new();
		for (key, value) in chain.iter_mut() {
			match (key.as_str(), value) {
				("default_args", list) => lists.push(list),
				("nodes", Value::Array(nodes)) => lists.extend(nodes.iter_mut().filter_map(|node| node.get_mut("args"))),
				_ => {},
			}
		}
		for argument in lists.into_iter().filter_map(Value::as_array_mut).flatten() {
			if argument.as_str().is_some_and(|text| text.starts_with(GATEWAY_ARGUMENT)) {
				*argument = format!("{GATEWAY_ARGUMENT}{url}").into();
			}
		}
		self
	}

	/// Adds a node with the settings of another one.
	pub fn with_another(mut self, like: &str, name: &str) -> Result<Self> {
		let nodes = self.section("relaychain").get_mut("nodes").and_then(Value::as_array_mut);
		let nodes = nodes.context("the definition has no nodes")?;
		let named = |node: &&Value| node.get("name").and_then(Value::as_str) == Some(like);
		let mut node = nodes.iter().find(named).cloned().with_context(|| format!("the definition has no node {like}"))?;
		node.as_table_mut().context("a node in the definition is not a table")?.insert("name".into(), name.into());
		nodes.push(node);
		Ok(self)
	}

	/// Gives every node ports of its own, unless the definition sets them.
	///
	/// The SDK would pick ephemeral ports and release them before the node listens. Meanwhile any
	/// connection of another program may take them.
	pub fn with_ports(mut self) -> Result<Self> {
		let mut taken = BTreeSet::new();
		let nodes = self.section("relaychain").get_mut("nodes").and_then(Value::as_array_mut).into_iter().flatten();
		for node in nodes.filter_map(Value::as_table_mut) {
			for name in PORTS {
				if !node.contains_key(name) {
					node.insert(name.into(), free_port(&mut taken)?.into());
				}
			}
		}
		Ok(self)
	}

	/// The configuration that the SDK spawns.
	pub fn config(&self) -> Result<NetworkConfig> {
		NetworkConfig::load_from_toml_string_with_base_dir(&toml::to_string(&self.table)?, &self.folder)
	}

	fn section(&mut self, name: &str) -> &mut Table {
		let section = self.table.entry(name).or_insert_with(|| Value::Table(Table::new()));
		if !section.is_table() {
			*section = Value::Table(Table::new());
		}
		match section {
			Value::Table(table) => table,
			_ => unreachable!("made a table above"),
		}
	}
}

/// A port below the ephemeral range that is unused now and not among `taken`.
fn free_port(taken: &mut BTreeSet<u16>) -> Result<i64> {
	loop {
		let port = portpicker::pick_unused_port().context("no port is free")?;
		if taken.insert(port) {
			return Ok(port.into());
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn local_definition_should_be_taken_by_the_sdk() {
		let config = Definition::local().unwrap().config().unwrap();
		let nodes = config.relaychain().nodes();
		let names: Vec<_> = nodes.iter().map(|node| (node.name(), node.is_validator())).collect();
		assert_eq!(names, [("alice", true), ("bob", true), ("charlie", false), ("dave", false)]);
		assert!(!config.global_settings().tear_down_on_failure());
	}

	#[test]
	fn another_node_should_be_like_the_one_that_was_named() {
		let config = Definition::local().unwrap().with_another("dave", "ferdie").unwrap().config().unwrap();
		let [.., dave, ferdie] = config.relaychain().nodes()[..] else { panic!("too few nodes") };
		assert_eq!((ferdie.name(), ferdie.is_validator()), ("ferdie", dave.is_validator()));
		assert_eq!(ferdie.args(), dave.args());
		assert!(Definition::local().unwrap().with_another("nobody", "ferdie").is_err());
	}

	#[test]
	fn settings_of_a_run_should_reach_every_node() {
		let folder = tempfile::tempdir().unwrap();
		let node = std::env::current_exe().unwrap();
		let definition = Definition::local().unwrap().with_gateway("http://127.0.0.1:1234");
		let config = definition.with_node(&node).unwrap().with_folder(folder.path()).unwrap().config().unwrap();
		let chain = config.relaychain();
		let mut lists: Vec<_> = chain.nodes().iter().map(|node| node.args()).collect();
		lists.push(chain.default_args());
		assert_eq!(lists.len(), 5);
		for args in lists {
			assert!(format!("{args:?}").contains("http://127.0.0.1:1234"), "{args:?}");
		}
		assert_eq!(chain.default_command().map(|command| command.as_str()), node.to_str());
		assert_eq!(config.global_settings().base_dir(), Some(folder.path().canonicalize().unwrap().as_path()));
	}

	#[test]
	fn ports_should_differ_and_stay_as_the_definition_has_them() {
		let mut definition = Definition::local().unwrap();
		let nodes = definition.section("relaychain").get_mut("nodes").unwrap().as_array_mut().unwrap();
		nodes[1].as_table_mut().unwrap().insert("rpc_port".into(), 9944.into());
		let config = definition.with_ports().unwrap().config().unwrap();
		let nodes = config.relaychain().nodes();
		let ports = nodes.iter().flat_map(|node| [node.rpc_port(), node.prometheus_port(), node.p2p_port()]);
		let ports: BTreeSet<_> = ports.map(Option::unwrap).collect();
		assert_eq!(ports.len(), 12);
		assert!(ports.iter().all(|port| *port < 32_768), "{ports:?}");
		assert_eq!(nodes[1].rpc_port(), Some(9944));
	}

	#[test]
	fn missing_files_should_be_named() {
		let error = Definition::read(Path::new("/nowhere/net.toml")).unwrap_err();
		assert!(error.to_string().contains("/nowhere/net.toml"));
		let error = Definition::local().unwrap().with_node(Path::new("/nowhere/waybill-node")).unwrap_err();
		assert!(error.to_string().contains("/nowhere/waybill-node"));
	}
}
