#!/bin/sh
# Installs what `make bench` measures popgate beside: the collectors fetchmail, mpop (with msmtp) and getmail6, Postfix, and
# from the npm registry Haraka; Dovecot, which serves the collectors; tshark and GNU time, which count. Nothing is started,
# and no configuration of the machine is touched: each run writes its own. Haraka goes into the user's cache; where the
# registry cannot be reached the bench runs without it, and says so in its table.
set -eu

. "$(dirname "$0")/debian-packages.sh"

want="dovecot-pop3d postfix fetchmail mpop msmtp getmail6 tshark time iproute2 util-linux openssl ca-certificates"
haraka=3.3.4

debian_root bench-install "$want"

install_missing() {
	apt-get update -qq
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	echo "wireshark-common wireshark-common/install-setuid boolean false" | debconf-set-selections
	# shellcheck disable=SC2086
	install_packages $missing
	installed_programs bench-install dovecot postfix fetchmail mpop msmtp getmail tshark ip unshare openssl
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

# shellcheck disable=SC2086
missing=$(missing_packages $want)
[ -z "$missing" ] || install_missing
install_haraka
echo "bench-install: everything is there that can be had"
