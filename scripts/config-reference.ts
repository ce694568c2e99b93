/** Writes the reference of the configuration, and its JSON schema for editors, to docs. Run it after changing the schema. */
import { writeFileSync } from "node:fs";
import { configReference } from "../src/config/reference.ts";
import { configJsonSchema } from "../src/config/schema.ts";

const docs = new URL("../docs/", import.meta.url);

writeFileSync(new URL("configuration.md", docs), configReference());
writeFileSync(new URL("popgate.schema.json", docs), `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
