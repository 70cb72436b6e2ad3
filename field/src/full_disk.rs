//! An image of 8 MiB on a file system of 14 MiB, and then on a larger one; a distributor and a device
//! whose disk is full when they start.

use crate::report::Report;
use std::{
	fs,
	path::{Path, PathBuf},
	process::Command,
};
use waybill_testkit::program::{free_port, release_of, World};

const IMAGE: usize = 8 << 20;

/// A file system in memory. It is unmounted when this value is dropped.
struct Disk(PathBuf);

impl Disk {
	fn mount(path: &Path, mebibytes: u32) -> Self {
		let size = format!("size={mebibytes}m,nr_inodes=256");
		let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status().unwrap();
		assert!(mounted.success(), "mount needs root");
		Self(path.into())
	}

	fn resize(&self, mebibytes: u32) {
		let size = format!("remount,size={mebibytes}m");
		assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
	}
}

impl Drop for Disk {
	fn drop(&mut self) {
		let _ = Command::new("umount").arg(&self.0).status();
	}
}

/// Plays it.
pub fn play(report: &mut Report) {
	report.case("full_disk/refused_before_the_receipt");
	let world = World::new();
	let folder = world.vendor.file("devices/000");
	let kept: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
	let aside = world.vendor.file("aside");
	fs::rename(&folder, &aside).unwrap();
	fs::create_dir(&folder).unwrap();
	let disk = Disk::mount(&folder, 14);
	for path in kept {
		let name = path.file_name().unwrap().to_owned();
		if aside.join(&name).is_file() {
			fs::copy(aside.join(&name), folder.join(&name)).unwrap();
		}
	}
	let image: Vec<u8> = (0..IMAGE as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
	release_of(&world.vendor, 0, 1, &image);
	world.vendor.run(&world.update("")).exits(5).says("Nothing was signed");
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 0);
	report.holds();

	report.case("full_disk/waits_and_goes_on");
	let run = world.update("").replace("--once --timeout 150", "");
	let device = world.vendor.command(&run).start().until_said("Nothing was signed");
	disk.resize(40);
	let updated = (0..1_200).any(|_| {
		std::thread::sleep(std::time::Duration::from_millis(100));
		fs::read(folder.join("current/firmware.bin")).is_ok_and(|installed| installed == image)
	});
	assert!(updated, "the device did not go on");
	device.kill();
	assert_eq!(world.vendor.json("bounty show 0")["paid"], 1);
	report.holds();

	report.case("full_disk/programs_start");
	let folder = world.shop.file("full");
	fs::create_dir(&folder).unwrap();
	let _disk = Disk::mount(&folder, 8);
	let device = folder.join("device");
	fs::create_dir(&device).unwrap();
	for name in ["device.key", "device.toml"] {
		fs::copy(world.vendor.file("devices/001").join(name), device.join(name)).unwrap();
	}
	let filler = fill(&folder);
	let listen = format!("127.0.0.1:{}", free_port());
	let distributor = format!("distributor run --listen {listen} --status-listen off --data full/data");
	let distributor = world.shop.command(&distributor).start().until_said("beginning anew");
	let run = format!("device run --state {} --distributor {}", device.display(), world.distributor);
	let agent = world.vendor.command(&run).start().until_said("trying again after a pause");
	fs::remove_dir_all(filler).unwrap();
	let goes_on = |has_begun: &dyn Fn() -> bool| {
		(0..600).any(|_| {
			std::thread::sleep(std::time::Duration::from_millis(100));
			has_begun()
		})
	};
	assert!(goes_on(&|| std::net::TcpStream::connect(&listen).is_ok()), "the distributor did not go on");
	assert!(goes_on(&|| device.join("lock").exists()), "the device did not go on");
	distributor.kill();
	agent.kill();
	report.holds();
}

/// Takes all bytes and all files of a file system that are left. Returns the folder with them.
fn fill(disk: &Path) -> PathBuf {
	let folder = disk.join("filler");
	fs::create_dir(&folder).unwrap();
	// It breaks off when the disk is full.
	let _ = fs::write(folder.join("bytes"), vec![0; 9 << 20]);
	let full = (0..1_000).any(|number| fs::File::create(folder.join(number.to_string())).is_err());
	assert!(full, "the disk still has room");
	folder
}
