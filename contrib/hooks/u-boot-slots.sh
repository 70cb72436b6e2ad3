# Two slots, a and b, by variables of the U-Boot environment. Sourced by the hooks `u-boot` and
# `swupdate`, which define write_image SLOT.
#
#   waybill_slot       the slot that U-Boot starts
#   waybill_before     the slot that it goes back to
#   waybill_release    the release in waybill_slot that waybill installed last
#   upgrade_available  1 during a trial: U-Boot counts starts in bootcount then, and runs altbootcmd
#                      after bootlimit of them (CONFIG_BOOTCOUNT_LIMIT and CONFIG_BOOTCOUNT_ENV)
#
# README.md has what belongs into U-Boot's own environment.
set -eu

# shellcheck source=hook.conf
. "${WAYBILL_HOOK_CONFIG:-/etc/waybill/hook.conf}"
: "${FW_ENV_CONFIG:=/etc/fw_env.config}" "${CMDLINE:=/proc/cmdline}" "${REBOOT:=reboot}"
: "${HEALTH_CHECKS:=/etc/waybill/health.d}"
later=75

# An environment that cannot be read says nothing, so the agent asks again later.
environment=$(fw_printenv -c "$FW_ENV_CONFIG") || exit $later

get() { # VARIABLE
	printf '%s\n' "$environment" | sed -n "s/^$1=//p"
}

[ -n "$(get waybill_slot)" ] || { echo "the U-Boot environment has no waybill_slot" >&2; exit 1; }

# Sets all variables in one write, so that a power cut leaves the old ones or the new ones.
set_all() { # VARIABLE=VALUE...
	script=$(mktemp)
	printf '%s\n' "$@" >"$script"
	fw_setenv -c "$FW_ENV_CONFIG" -s "$script" && status=0 || status=$?
	rm -f "$script"
	return $status
}

# The kernel's command line names the slot that runs: waybill.slot=a
running() {
	slot=$(sed -n 's/.*waybill\.slot=\([ab]\).*/\1/p' "$CMDLINE")
	[ -n "$slot" ] || { echo "$CMDLINE does not say waybill.slot=a or b" >&2; exit 1; }
	echo "$slot"
}

other() { # SLOT
	case $1 in a) echo b ;; *) echo a ;; esac
}

# Restarts the machine after this hook has ended, whatever its exit status. When this returns, the
# restart is in a session of its own, where the agent does not end it.
restart() {
	setsid sh -c '(sleep 1 && exec $0) &' "$REBOOT" >/dev/null 2>&1 </dev/null
}

case ${1:?"usage: $0 install|health|confirm|rollback"} in
install)
	slot=$(running)
	if [ "$(get waybill_slot)" = "$slot" ] && [ "$(get waybill_release)" = "$WAYBILL_RELEASE" ]; then
		# It runs already. Writing now would overwrite the slot to go back to.
		exit 0
	fi
	# Before the machine has restarted into the slot that it is to run, the other one is no spare.
	[ "$slot" = "$(get waybill_slot)" ] || [ "$(get waybill_release)" = "$WAYBILL_RELEASE" ] || exit $later
	target=$(other "$slot")
	write_image "$target"
	set_all "waybill_slot=$target" "waybill_before=$slot" "waybill_release=$WAYBILL_RELEASE" \
		upgrade_available=1 bootcount=0
	restart
	;;
health)
	if [ "$(get waybill_release)" != "$WAYBILL_RELEASE" ] || [ "$(get upgrade_available)" != 1 ]; then
		echo "U-Boot has gone back to slot $(get waybill_slot)"
		exit 1
	fi
	[ "$(running)" = "$(get waybill_slot)" ] || exit $later # the machine has not restarted yet
	for check in "$HEALTH_CHECKS"/*; do
		[ -x "$check" ] || continue
		"$check" || exit
	done
	;;
confirm)
	if [ "$(get waybill_release)" != "$WAYBILL_RELEASE" ]; then
		echo "U-Boot has gone back to slot $(get waybill_slot)"
		exit 1
	fi
	[ "$(running)" = "$(get waybill_slot)" ] || exit $later
	set_all upgrade_available=0 bootcount=0
	;;
rollback)
	target=$(get waybill_slot)
	if [ "$(get waybill_release)" = "$WAYBILL_TRIAL" ]; then
		target=$(get waybill_before)
		[ -n "$target" ] || { echo "the U-Boot environment has no waybill_before" >&2; exit 1; }
		set_all "waybill_slot=$target" waybill_release= upgrade_available=0 bootcount=0
	fi
	slot=$(running)
	if [ "$slot" != "$target" ]; then
		restart
		# The trial ends when the slot before runs.
		exit $later
	fi
	;;
*)
	exit 0
	;;
esac
