#!/usr/bin/env node
/** `popgate`: arguments in, exit status out. Everything else is in the parts. */
import { runCommandLine } from "./cli/command-line.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
