import { missingTools } from '../compose/kafka/missing-tools.ts'

/** Test options: skipped aloud where Java or Maven is missing, but never in CI. */
export const needsKafka = { skip: missingTools() }

/** The same for servers in Python. */
export const needsPython = { skip: missingTools('no server in Python', [['python3', '--version']]) }
