# To be sourced by the scripts that install Debian packages for checks and measurements. Nothing that is installed is
# started: whoever needs a daemon starts one of his own, on loopback. A `policy-rc.d` that is there already is left alone,
# and one that was made is taken away again, also when the installation fails.
# shellcheck shell=sh

policy_rc_d=/usr/sbin/policy-rc.d

# debian_root NAME PACKAGES: ends the script unless it runs as root on Debian.
debian_root() {
	[ "$(id -u)" = 0 ] || { echo "$1: must be root: it installs Debian packages ($2)" >&2; exit 1; }
	command -v apt-get >/dev/null || { echo "$1: needs a Debian system with apt-get" >&2; exit 1; }
}

# missing_packages PACKAGE…: those that are not installed, with a space before each.
missing_packages() {
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
	done
}

# install_packages PACKAGE…: and options of apt-get, where they are wanted.
install_packages() (
	if [ ! -e "$policy_rc_d" ]; then
		trap 'rm -f "$policy_rc_d"' EXIT
		# dash leaves without the other trap when a signal comes.
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' > "$policy_rc_d"
		chmod 755 "$policy_rc_d"
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
)

# installed_programs NAME PROGRAM…: ends the script when one of them is still missing.
installed_programs() {
	script=$1
	shift
	for program in "$@"; do
		command -v "$program" >/dev/null || { echo "$script: $program is still missing after the installation" >&2; exit 1; }
	done
}
