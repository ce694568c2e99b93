#!/bin/sh
# Installs what `make peers` runs against: the real mail programs Dovecot, Postfix, Exim, swaks, Chromium for the web page, and
# the shells and curl that an administrator has.
#
# Debian lets only one mail transport agent be installed at a time. Postfix is installed as it is; Exim's package is
# unpacked beside it, into a prefix of its own, with the libraries it needs installed from their packages. Nothing is
# started, and no configuration of the machine is touched: each run writes its own.
set -eu

. "$(dirname "$0")/debian-packages.sh"

prefix=/opt/popgate-peers
want="dovecot-pop3d postfix libsasl2-modules swaks libnet-ssleay-perl strace openssl ca-certificates chromium fonts-dejavu-core curl fish zsh systemd python3-minimal man-db groff-base mandoc libfaketime"

debian_root peers-install "$want exim4-daemon-light"
# shellcheck disable=SC2086
missing=$(missing_packages $want)
exim="$prefix/exim/usr/sbin/exim4"

if [ -z "$missing" ] && "$exim" -C /dev/null -bV >/dev/null 2>&1; then
	echo "peers-install: everything is there"
	exit 0
fi

apt-get update -qq
if [ -n "$missing" ]; then
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	# shellcheck disable=SC2086
	install_packages $missing
fi

if ! "$exim" -C /dev/null -bV >/dev/null 2>&1; then
	work=$(mktemp -d)
	chmod 755 "$work"
	(cd "$work" && apt-get download -qq exim4-daemon-light exim4-base)
	rm -rf "$prefix/exim"
	mkdir -p "$prefix/exim"
	for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$prefix/exim"; done
	libraries=$(dpkg-deb -f "$work"/exim4-daemon-light_*.deb Depends | tr ',' '\n' | sed -e 's/[|(:].*//' -e 's/ //g' | grep '^lib' | sort -u)
	# shellcheck disable=SC2086
	install_packages $libraries
	rm -rf "$work"
	# The binary looks its run-time user up by name.
	id Debian-exim >/dev/null 2>&1 || useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin Debian-exim
fi

"$exim" -C /dev/null -bV >/dev/null || { echo "peers-install: Exim does not run from $exim" >&2; exit 1; }
installed_programs peers-install dovecot postfix swaks strace openssl chromium curl fish zsh systemd-notify python3 man mandoc
echo "peers-install: installed"
