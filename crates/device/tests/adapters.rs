//! The hooks in `contrib/hooks`, on a machine that is a folder: with the real `fw_setenv` and
//! `swupdate`, and a stand-in for RAUC, which needs D-Bus and loop devices.

use waybill_testkit::machine::Machine;

#[test]
fn u_boot_should_start_the_new_slot_and_keep_it_once_it_is_confirmed() {
	let machine = Machine::new("u-boot");
	machine.write("image", [b'n'; 4096]);
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert_eq!((machine.read("a"), machine.read("b")), (vec![b'a'; 4096], vec![b'n'; 4096]));
	let variables = ["waybill_slot", "waybill_before", "waybill_release", "upgrade_available", "bootcount", "bootlimit"];
	assert_eq!(variables.map(|name| machine.variable(name)), ["b", "a", "5", "1", "0", "3"]);
	assert!(machine.restarts());
	assert_eq!(machine.asks("health", 5, Some("image")), 75);
	assert_eq!(machine.asks("confirm", 5, Some("image")), 75);

	machine.starts("b");
	machine.check("exit 75");
	assert_eq!(machine.asks("health", 5, Some("image")), 75);
	machine.check("exit 4");
	assert_eq!(machine.asks("health", 5, Some("image")), 4);
	machine.check("exit 0");
	assert_eq!(machine.asks("health", 5, Some("image")), 0);
	// Asked once more, it does not overwrite the way back.
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert_eq!(machine.read("a"), vec![b'a'; 4096]);
	assert_eq!(machine.asks("confirm", 5, Some("image")), 0);
	assert_eq!(machine.variable("upgrade_available"), "0");
	assert!(!machine.path("restarted").exists());

	// A person goes back. The machine has to run the other slot before anything is installed again.
	assert_eq!(machine.asks("rollback", 5, None), 75);
	assert_eq!((machine.variable("waybill_slot"), machine.variable("waybill_release")), ("a".into(), String::new()));
	assert!(machine.restarts());
	assert_eq!(machine.asks("install", 6, Some("image")), 75);
	assert_eq!(machine.read("a"), vec![b'a'; 4096]);
	machine.starts("a");
	assert_eq!(machine.asks("rollback", 5, None), 0);
	assert!(!machine.restarts());
}

#[test]
fn environment_that_cannot_be_read_should_say_nothing() {
	let machine = Machine::new("u-boot");
	machine.write("image", [b'n'; 4096]);
	machine.write("fw_env.config", "nonsense\n");
	for action in ["install", "health", "confirm", "rollback"] {
		assert_eq!(machine.asks(action, 5, Some("image")), 75, "{action}");
	}
	assert_eq!((machine.read("a"), machine.read("b")), (vec![b'a'; 4096], vec![0; 4096]));
}

#[test]
fn health_should_fail_when_u_boot_has_gone_back() {
	let machine = Machine::new("u-boot");
	machine.write("image", [b'n'; 4096]);
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert!(machine.restarts());
	machine.goes_back();
	assert_eq!(machine.asks("health", 5, Some("image")), 1);
	assert_eq!(machine.asks("confirm", 5, Some("image")), 1);
	assert_eq!(machine.asks("rollback", 5, None), 0);
	assert_eq!(machine.variable("waybill_slot"), "a");
	assert!(!machine.restarts());
}

#[test]
fn rollback_should_change_nothing_when_nothing_was_installed() {
	let machine = Machine::new("u-boot");
	assert_eq!(machine.asks("install", 5, Some("missing")), 1);
	assert_eq!(machine.asks("rollback", 5, None), 0);
	assert_eq!((machine.variable("waybill_slot"), machine.variable("bootlimit")), ("a".into(), "3".into()));
	assert!(!machine.restarts());
	assert_eq!(machine.asks("what", 5, None), 0);
}

#[test]
fn swupdate_should_write_the_other_slot_and_refuse_what_is_damaged() {
	let machine = Machine::new("swupdate");
	machine.swu(&[b's'; 4096]);
	// On a busy machine SWUpdate 2022.12 may report a failure after "SWUPDATE successful". The agent
	// asks again, too.
	assert!((0..5).any(|_| machine.asks("install", 5, Some("image")) == 0));
	assert_eq!((machine.read("a"), machine.read("b")), (vec![b'a'; 4096], vec![b's'; 4096]));
	machine.starts("b");
	assert_eq!(machine.asks("health", 5, Some("image")), 0);
	assert_eq!(machine.asks("confirm", 5, Some("image")), 0);

	let mut image = machine.read("image");
	let at = image.windows(4).position(|bytes| bytes == b"ssss").unwrap();
	image[at] ^= 1;
	machine.write("image", image);
	assert_eq!(machine.asks("install", 6, Some("image")), 1);
	assert_eq!(machine.variable("waybill_slot"), "b");
	assert_eq!(machine.asks("rollback", 6, None), 0);
	assert_eq!((machine.variable("waybill_slot"), machine.read("b")), ("b".into(), vec![b's'; 4096]));
}

/// RAUC as far as the hook uses it. The files `booted` and `primary` name its slots.
const RAUC: &str = r#"
cd "$(dirname "$(dirname "$0")")"
echo "$*" >>calls
other() { [ "$1" = rootfs.0 ] && echo rootfs.1 || echo rootfs.0; }
slot() { case $1 in booted) cat booted ;; other) other "$(cat booted)" ;; *) echo "$1" ;; esac; }
state() { [ "$(cat booted)" = "$1" ] && echo booted || echo inactive; }
case "$1 ${2-}" in
"install "*) cp "$2" "$(slot other)" && slot other >primary ;;
"status --output-format=shell")
	printf "RAUC_SYSTEM_COMPATIBLE='board'\nRAUC_BOOT_PRIMARY='%s'\nRAUC_SLOTS='1 2'\n" "$(cat primary)"
	printf "RAUC_SLOT_NAME_1='rootfs.0'\nRAUC_SLOT_STATE_1='%s'\nRAUC_SLOT_BOOTNAME_1='A'\n" "$(state rootfs.0)"
	printf "RAUC_SLOT_NAME_2='rootfs.1'\nRAUC_SLOT_STATE_2='%s'\nRAUC_SLOT_BOOTNAME_2='B'\n" "$(state rootfs.1)"
	;;
"status mark-good") ;;
"status mark-active") echo "$(slot "$3")" >primary ;;
"status mark-bad") [ "$(cat primary)" != "$(slot "$3")" ] || echo "$(other "$(slot "$3")")" >primary ;;
*) exit 2 ;;
esac
"#;

fn rauc() -> Machine {
	let machine = Machine::new("rauc");
	machine.program("bin/rauc", RAUC);
	machine.program("bin/busctl", "echo 's \"idle\"'");
	machine.write("booted", "rootfs.0\n");
	machine.write("primary", "rootfs.0\n");
	machine.write("image", "bundle");
	machine
}

#[test]
fn rauc_should_install_mark_good_and_go_back() {
	let machine = rauc();
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert_eq!((machine.text("rootfs.1"), machine.text("primary")), ("bundle".into(), "rootfs.1\n".into()));
	assert!(machine.restarts());
	assert_eq!(machine.asks("health", 5, Some("image")), 75);
	machine.write("booted", "rootfs.1\n");
	machine.check("exit 3");
	assert_eq!(machine.asks("health", 5, Some("image")), 3);
	machine.check("exit 0");
	assert_eq!(machine.asks("health", 5, Some("image")), 0);
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert_eq!(machine.asks("confirm", 5, Some("image")), 0);
	let calls = machine.text("calls");
	assert!(calls.ends_with("status mark-good booted\n"), "{calls}");
	assert_eq!(calls.matches("install ").count(), 1);

	machine.starts("b");
	assert_eq!(machine.asks("rollback", 5, None), 75);
	assert_eq!(machine.text("primary"), "rootfs.0\n");
	assert!(machine.restarts());
	machine.write("booted", "rootfs.0\n");
	assert_eq!(machine.asks("rollback", 5, None), 0);
}

#[test]
fn rauc_should_be_waited_for_while_it_works_for_somebody_else() {
	let machine = rauc();
	machine.program("bin/busctl", "echo 's \"installing\"'");
	assert_eq!(machine.asks("install", 5, Some("image")), 75);
	assert!(!machine.text("calls").contains("install"));
	// A system without D-Bus tools decides by RAUC's own answer.
	machine.program("bin/busctl", "exit 1");
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
}

#[test]
fn rauc_should_not_overwrite_the_way_back_after_a_power_cut() {
	let machine = rauc();
	machine.write("rootfs.0", "the old system");
	// RAUC installs, and the power fails before the hook goes on.
	machine.program("bin/rauc", &RAUC.replace("slot other >primary ;;", "slot other >primary && kill -9 $PPID ;;"));
	assert_ne!(machine.asks("install", 5, Some("image")), 0);
	machine.write("booted", "rootfs.1\n");
	machine.program("bin/rauc", RAUC);
	assert_eq!(machine.asks("health", 5, Some("image")), 0);
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert_eq!(machine.text("rootfs.0"), "the old system");
}

#[test]
fn health_should_fail_when_the_boot_loader_of_rauc_has_gone_back() {
	let machine = rauc();
	assert_eq!(machine.asks("install", 5, Some("image")), 0);
	assert!(machine.restarts());
	machine.starts("a");
	machine.write("primary", "rootfs.0\n");
	assert_eq!(machine.asks("health", 5, Some("image")), 1);
	assert_eq!(machine.asks("rollback", 5, None), 0);
	assert_eq!(machine.text("primary"), "rootfs.0\n");
	assert!(!machine.restarts());
	// Nothing is left to go back from.
	let calls = machine.text("calls");
	assert_eq!(machine.asks("rollback", 5, None), 0);
	assert_eq!(machine.text("calls"), calls);
}
