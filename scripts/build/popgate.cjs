#!/usr/bin/env node
/*
 * The installed command `popgate`. Says which Node is needed before anything is loaded that an older one cannot read, and
 * is therefore written in the JavaScript of 2009: no arrow, no template, no const, no import, no comma before a bracket.
 */
/* oxlint-disable -- its types are unknown and its require() has no value: both belong to that JavaScript */
var needed = parseInt(/[0-9]+/.exec(require("../package.json").engines.node)[0], 10);
var has = process.versions.node;
var words = "popgate: Node.js " + needed + " or newer is needed; this is " + has + " (" + process.execPath + ").\n";
words += "Install it (https://nodejs.org/en/download), or start popgate with it: /path/to/node " + __filename + "\n";

if (parseInt(has, 10) >= needed) {
  require("./start.cjs");
} else {
  process.stderr.write(words);
  process.exitCode = 1;
}
