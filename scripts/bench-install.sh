#!/bin/sh
# Installs what `make bench` measures popgate beside: the collectors fetchmail, mpop (with msmtp) and getmail6, Postfix, and
# from the npm registry Haraka; Dovecot, which serves the collectors; tshark and GNU time, which count. Nothing is started,
# and no configuration of the machine is touched: each run writes its own. Haraka goes into the user's cache; where the
# registry cannot be reached the bench runs without it, and says so in its table.
set -eu

want="dovecot-pop3d postfix fetchmail mpop msmtp getmail6 tshark time iproute2 util-linux openssl ca-certificates"
haraka=3.3.4

[ "$(id -u)" = 0 ] || { echo "bench-install: must be root: it installs Debian packages ($want)" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "bench-install: needs a Debian system with apt-get" >&2; exit 1; }

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# An installation must not start daemons: each run starts its own, on loopback.
	policy=/usr/sbin/policy-rc.d
	made=
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
		made=yes
	fi
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	[ -z "$made" ] || rm -f "$policy"

	for program in dovecot postfix fetchmail mpop msmtp getmail tshark ip unshare openssl; do
		command -v "$program" >/dev/null || { echo "bench-install: $program is still missing after the installation" >&2; exit 1; }
	done
}

# Its optional plugins and what they would build are not needed.
install_haraka() {
	folder="${XDG_CACHE_HOME:-$HOME/.cache}/popgate-bench/haraka"
	if grep -q "\"version\": \"$haraka\"" "$folder/node_modules/Haraka/package.json" 2>/dev/null; then return; fi
	rm -rf "$folder"
	mkdir -p "$folder"
	if ! npm install --prefix "$folder" --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error "Haraka@$haraka" >/dev/null; then
		rm -rf "$folder"
		echo "bench-install: the npm registry did not give Haraka $haraka; the bench runs without it" >&2
		return
	fi
	echo "bench-install: Haraka $haraka installed below $folder"
}

missing=
for package in $want; do have "$package" || missing="$missing $package"; done
[ -z "$missing" ] || install_packages
install_haraka
echo "bench-install: everything is there that can be had"
