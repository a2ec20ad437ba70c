import { missingTools } from '../compose/kafka/missing-tools.ts'

/** Test options: skipped aloud where Java or Maven is missing, but never in CI. */
export const needsKafka = { skip: missingTools() }
