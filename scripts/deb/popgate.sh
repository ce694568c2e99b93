#!/bin/sh
# popgate, on the Node that comes with it.
exec /usr/lib/popgate/bin/node /usr/lib/popgate/dist/popgate.cjs "$@"
