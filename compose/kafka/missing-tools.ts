import { execFileSync } from 'node:child_process'

const tools = [
  ['java', '-version'],
  ['mvn', '-version'],
] as const

/** Why tests with a real broker cannot run here, or false; under CI that is a failure of theirs, not an excuse. */
export function missingTools(): string | false {
  const missing = tools.filter(([tool, flag]) => {
    try {
      execFileSync(tool, [flag], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length === 0 || process.env.CI === 'true') return false
  return `no real Kafka is tested: ${missing.map(([tool]) => tool).join(' and ')} missing`
}
