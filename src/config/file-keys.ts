/** The places of a configuration that name files and secrets. */
import type { KeyPath } from "./key-path.ts";
import { listOf } from "./one-or-several.ts";
import type { Draft } from "./schema.ts";
import type { SecretPurpose } from "./secret-contents.ts";
import type { RawSecret } from "./secret-schema.ts";

export interface SecretKey {
  readonly at: KeyPath;
  readonly raw: RawSecret;
  readonly purpose: SecretPurpose;
}

/** Certificate and key of a server of ours, as written. */
export interface WrittenTls {
  readonly cert: string;
  readonly key: string;
}

type Login = {
  readonly password?: RawSecret | undefined;
  readonly oauth?: { readonly client_secret?: RawSecret | undefined; readonly refresh_token: RawSecret } | undefined;
};

/** CA files. */
export function caKeys(draft: Draft): readonly { readonly at: KeyPath; readonly paths: readonly string[] }[] {
  return connections(draft).map(({ at, keys }) => ({ at: [...at, "ca"], paths: listOf(keys.ca) }));
}

export function secretKeys(draft: Draft): readonly SecretKey[] {
  return [
    ...connections(draft).flatMap(({ at, keys }) => loginSecrets(at, keys)),
    ...userSecrets(["listener", "users"], draft.listener?.users),
    ...userSecrets(["admin", "web", "users"], draft.admin?.web?.users),
    ...(draft.dkim ?? []).flatMap(({ key: raw }, index) =>
      raw === undefined ? [] : [{ at: ["dkim", index, "key"], raw, purpose: "dkim" as const }],
    ),
  ];
}

export function serverTls({ listener, admin }: Draft): readonly { readonly at: KeyPath; readonly tls: WrittenTls }[] {
  return [
    { at: ["listener", "tls"], tls: listener?.tls },
    { at: ["admin", "web", "tls"], tls: admin?.web?.tls },
  ].flatMap(({ at, tls }) => (tls === undefined ? [] : [{ at, tls }]));
}

function connections(draft: Draft) {
  return [
    ...(draft.collector ?? []).map((keys, index) => ({ at: ["collector", index], keys })),
    ...(draft.mailbox ?? []).map((keys, index) => ({ at: ["mailbox", index], keys })),
    ...(draft.exchange === undefined ? [] : [{ at: ["exchange"], keys: { ...draft.exchange, oauth: undefined } }]),
    ...(draft.relay ?? []).map((keys, index) => ({ at: ["relay", index], keys })),
  ];
}

function userSecrets(at: KeyPath, users: Readonly<Record<string, RawSecret>> = {}): readonly SecretKey[] {
  return Object.entries(users).map(([name, raw]) => ({ at: [...at, name], raw, purpose: "user" }));
}

function loginSecrets(at: KeyPath, { password, oauth }: Login): readonly SecretKey[] {
  return [
    { at: [...at, "password"], raw: password, purpose: "any" as const },
    { at: [...at, "oauth", "client_secret"], raw: oauth?.client_secret, purpose: "any" as const },
    { at: [...at, "oauth", "refresh_token"], raw: oauth?.refresh_token, purpose: "refresh" as const },
  ].flatMap(({ at, raw, purpose }) => (raw === undefined ? [] : [{ at, raw, purpose }]));
}
