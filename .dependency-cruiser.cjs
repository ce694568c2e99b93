/**
 * Who may import whom (docs/architecture.md shows the same as a drawing).
 *
 * A folder of src may import what stands in its row and itself, nothing else. Third-party packages have one importing
 * file each (p-queue: two). An import that cannot be resolved is an error, so that the rules cannot pass by not seeing.
 */
const may = {
  core: [],
  message: ["core"],
  // The record carries a message's evidence; ports are shared types.
  spool: ["core", "message"],
  net: ["core"],
  oauth: ["core"],
  pop3: ["core", "net", "oauth"],
  inbound: ["core", "message", "spool/port", "spool/record", "pop3/port"],
  delivery: ["core", "message", "spool/port", "spool/record", "net", "oauth"],
  notice: ["core", "message", "spool/port", "spool/record"],
  config: ["core", "message", "net"],
  runtime: ["core"],
  // Stand-ins for provider and Exchange, used by the demonstration and by the specs.
  demo: ["core", "app", "cli", "config", "message", "spool/port", "spool/record", "runtime"],
  cli: ["core", "config", "app", "runtime", "spool", "message", "demo"],
  // The composition root knows every part.
  app: ["core", "message", "spool", "net", "oauth", "pop3", "inbound", "delivery", "notice", "config", "runtime"],
};

const owners = {
  lmdb: "^src/spool/lmdb-store\\.ts$",
  nodemailer: "^src/delivery/(smtp-transport|smtp-connection)\\.ts$",
  mailparser: "^src/message/[^/]+\\.ts$",
  "smtp-server": "^src/(outbound/listener|demo/[^/]+)\\.ts$",
  "p-queue": "^src/(inbound|delivery)/[^/]+\\.ts$",
  pino: "^src/runtime/log\\.ts$",
  "toml-eslint-parser": "^src/config/[^/]+\\.ts$",
  croner: "^src/(inbound|config)/[^/]+\\.ts$",
  commander: "^src/cli/[^/]+\\.ts$",
};

const folderRules = Object.entries(may).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import: ${allowed.join(", ") || "nothing"}`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: {
    path: "^src/",
    pathNot: [
      `^src/${folder}/`,
      ...allowed.map((name) => (name.includes("/") ? `^src/${name}\\.ts$` : `^src/${name}/`)),
    ],
  },
}));

const ownerRules = Object.entries(owners).map(([name, path]) => ({
  name: `${name}-owner`,
  comment: `${name} is imported in one place, so that replacing it stays a small change`,
  severity: "error",
  from: { path: "^src/", pathNot: [path] },
  to: { path: `node_modules/${name}/` },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    ...ownerRules,
    { name: "unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    { name: "cycle", severity: "error", from: {}, to: { circular: true } },
    { name: "not-main", severity: "error", from: { path: "^src/.+/" }, to: { path: "^src/main\\.ts$" } },
    {
      name: "pure",
      comment: "core and message do no I/O",
      severity: "error",
      from: { path: "^src/(core|message)/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(url|crypto|buffer|util)$" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
