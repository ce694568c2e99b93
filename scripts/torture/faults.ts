/** Every kind of fault that a torture run knows. */
import type { Fault } from "./fault.ts";
import { adminFaults } from "./faults-admin.ts";
import { hostFaults } from "./faults-host.ts";
import { networkFaults } from "./faults-network.ts";
import { processFaults } from "./faults-process.ts";

export const faults: readonly Fault[] = [...processFaults, ...networkFaults, ...hostFaults, ...adminFaults];
