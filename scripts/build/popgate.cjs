#!/usr/bin/env node
/*
 * The installed command `popgate`. Says which Node is needed before anything is loaded that an older one cannot read, and
 * is therefore written in the JavaScript of 2009: no arrow, no template, no const, no import, no comma before a bracket.
 */
var needed = require("../package.json").engines.node;
var has = process.versions.node;
var words = "popgate: Node.js " + needed + " is needed; this is " + has + " (" + process.execPath + ").\n";
words += "Install it (https://nodejs.org/en/download), or start popgate with it: /path/to/node " + __filename + "\n";

if (parseInt(has, 10) >= parseInt(/[0-9]+/.exec(needed)[0], 10)) {
  require("./start.cjs");
} else {
  process.stderr.write(words);
  process.exitCode = 1;
}
