#!/bin/sh
# Installs what `make peers` runs against: the real mail programs Dovecot, Postfix, Exim, swaks, Chromium for the web page, and
# the shells and curl that an administrator has.
#
# Debian lets only one mail transport agent be installed at a time. Postfix is installed as it is; Exim's package is
# unpacked beside it, into a prefix of its own, with the libraries it needs installed from their packages. Nothing is
# started, and no configuration of the machine is touched: each run writes its own.
set -eu

prefix=/opt/popgate-peers
want="dovecot-pop3d postfix libsasl2-modules swaks libnet-ssleay-perl strace openssl ca-certificates chromium fonts-dejavu-core curl fish zsh systemd python3-minimal man-db groff-base mandoc libfaketime"

[ "$(id -u)" = 0 ] || { echo "peers-install: must be root: it installs Debian packages ($want, exim4-daemon-light)" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "peers-install: needs a Debian system with apt-get" >&2; exit 1; }

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=
for package in $want; do have "$package" || missing="$missing $package"; done
exim="$prefix/exim/usr/sbin/exim4"

if [ -z "$missing" ] && "$exim" -C /dev/null -bV >/dev/null 2>&1; then
	echo "peers-install: everything is there"
	exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
if [ -n "$missing" ]; then
	# An installation must not start daemons: each run of the peers starts its own, on loopback.
	policy=/usr/sbin/policy-rc.d
	made=
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
		made=yes
	fi
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	[ -z "$made" ] || rm -f "$policy"
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
	apt-get install -y -qq --no-install-recommends $libraries >/dev/null
	rm -rf "$work"
	# The binary looks its run-time user up by name.
	id Debian-exim >/dev/null 2>&1 || useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin Debian-exim
fi

"$exim" -C /dev/null -bV >/dev/null || { echo "peers-install: Exim does not run from $exim" >&2; exit 1; }
for program in dovecot postfix swaks strace openssl chromium curl fish zsh systemd-notify python3 man mandoc; do
	command -v "$program" >/dev/null || { echo "peers-install: $program is still missing after the installation" >&2; exit 1; }
done
echo "peers-install: installed"
