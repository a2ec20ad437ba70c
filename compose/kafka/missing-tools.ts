import { execFileSync } from 'node:child_process'

/** A command, and a flag with which it only says what it is. */
export type Tool = readonly [command: string, flag: string]

const kafkaTools: readonly Tool[] = [
  ['java', '-version'],
  ['mvn', '-version'],
]

/**
 * Why tests that need `tools` cannot run here, or false; under CI that is a failure of theirs, not an excuse.
 * @param untested what is left untested without them
 */
export function missingTools(untested = 'no real Kafka', tools: readonly Tool[] = kafkaTools): string | false {
  const missing = tools.filter(([tool, flag]) => {
    try {
      execFileSync(tool, [flag], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length === 0 || process.env.CI === 'true') return false
  return `${untested} is tested: ${missing.map(([tool]) => tool).join(' and ')} missing`
}
