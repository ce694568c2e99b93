# Everything a developer does. Each target does its own set-up; nothing but git, make, Node 20 or newer and npm is needed
# (Node 24, on which popgate runs, comes with the development dependencies).

.PHONY: bench deb deb-check setup test check coverage demo torture torture-planted soak power-loss peers web certs fuzz build pack-check release clean format

setup: node_modules/.installed

node_modules/.installed: package.json package-lock.json
# Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, which npm leaves out now and then.
	npm install --no-save --no-audit --no-fund
	touch $@

test: setup
	npm run --silent check
	npm run --silent test

check: setup
	npm run --silent check

# Which branches the specs take in the folders where a mistake loses mail; fails below 95 % in any of them.
# What they do not take: node_modules/.bin/node scripts/coverage.ts --list FOLDER
coverage: setup
	node_modules/.bin/node node_modules/vitest/vitest.mjs run --config vitest.coverage.config.ts
	node_modules/.bin/node scripts/coverage.ts

format: setup
	npm run --silent format

demo: setup
	npm run --silent popgate -- demo

# Kills, drops, storms and stalls while numbered mail goes both ways; nothing may be lost or doubled. SEED=… FAULTS=…
torture: setup
	node_modules/.bin/node scripts/torture.ts

# Copies of the sources with a fault planted in each: torture must convict every one of them.
torture-planted: setup
	node_modules/.bin/node scripts/torture-planted.ts

# A steady mixed load for an hour, and whether what popgate takes levels off. MINUTES=…
soak: web
	node_modules/.bin/node scripts/soak.ts

# Every write and flush of a working spool, recorded below LMDB; the spool opened in the states that a loss of power could have
# left. Needs strace. SEED=… STATES=…|all MESSAGES=… UNSAFE=no-sync|early (a planted fault, that must be found)
power-loss: setup
	nice node_modules/.bin/node scripts/power-loss.ts

# Inputs by chance, guided by the branches they reach, for all that reads what others send. TARGET=… SECONDS=… SEED=… KEEP=1
fuzz: setup
	nice node_modules/.bin/node scripts/fuzz.ts

# Against real Dovecot, Exim and Postfix. Root installs what is missing.
peers: web
	sh scripts/peers-install.sh
	node_modules/.bin/node node_modules/vitest/vitest.mjs run --config vitest.peers.config.ts

# How fast popgate is, beside fetchmail, getmail6, mpop and Postfix in the same run; about a quarter of an hour on a machine
# with nothing else to do. Root installs what is missing. BENCH=poll,loopback,rtt,outbound,memory,million ROUNDS=… SCALE=…
# PROFILE=folder; ARGS=--write puts the figures into docs/performance.md.
bench: build
	sh scripts/bench-install.sh
	node_modules/.bin/node scripts/bench.ts $(ARGS)

# The web page's files, which the daemon serves where `admin.web` is configured.
web: setup
	npm run --silent web

# What is installed: JavaScript in dist/, and the web page.
build: setup
	npm run --silent build

# The tarball of `npm pack`, installed and run from outside. Needs the npm registry; `make peers` does it as well.
pack-check: setup
	node_modules/.bin/node node_modules/vitest/vitest.mjs run --config vitest.peers.config.ts spec/scripts/pack.spec.ts

# The Debian package, with the Node that it brings: artefacts/popgate_<version>-1_<arch>.deb.
deb: build
	node_modules/.bin/node --disable-warning=ExperimentalWarning scripts/deb.ts

# Root: what the package promises, in a Debian of its own with its own systemd. SUITE=trixie for Debian 13; SHORT=1 without the
# second build and the watchdog.
deb-check: deb
	sh scripts/deb/check/install.sh
	node_modules/.bin/node --disable-warning=ExperimentalWarning scripts/deb-check.ts

# Tarball, Debian package, bill of materials, notices and digests of a clean checkout: artefacts/release/<version>.
# docs/releasing.md says what comes before and after.
release: setup
	node_modules/.bin/node --disable-warning=ExperimentalWarning scripts/release.ts

certs: setup
	node_modules/.bin/node scripts/certs.ts

clean:
	rm -rf node_modules coverage artefacts web/dist dist
